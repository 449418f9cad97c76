import type { Output, Style } from './output.ts';

const STYLES: Readonly<Record<string, Style>> = {
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
};
/** Said by the message, or of no use to people. */
const LEFT_OUT = new Set(['level', 'time', 'msg', 'event', 'run_id', 'load_id']);

/** Takes JSON log lines and writes them for people: local time, level, message, what is left. */
export function readableLog({ paint, write }: Output['log']): (line: string) => void {
  return (line) => {
    const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const at = new Date(String(time)).toTimeString().slice(0, 8);
    const rest = Object.entries(fields)
      .filter(([name, value]) => !LEFT_OUT.has(name) && value !== null)
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    const word = paint(STYLES[String(level)] ?? 'dim', String(level).padEnd(5));
    write(`${paint('dim', at)} ${word} ${msg}${rest.length === 0 ? '' : paint('dim', `  ${rest.join(' ')}`)}\n`);
  };
}
