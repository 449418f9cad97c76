import type { Emit } from '../run/events.ts';
import type { CommandContext } from './command.ts';
import { showProgress } from './progress.ts';

/** How a run is told of while it goes on. Hold it with `using`. */
export interface Telling extends Disposable {
  readonly emit: Emit;
  /** Something that is no event of the run, on a line of its own. */
  say(line: string): void;
}

/** For people progress; for programs, and whoever names a `--log-level`, log lines. Both go to stderr. */
export async function openTelling({ output, clock, logLevel }: CommandContext): Promise<Telling> {
  if (output.format === 'text' && logLevel === undefined) return showProgress(output, clock);
  const { createLog, logEvents } = await import('../log.ts');
  const log = createLog({ level: logLevel ?? 'warn', write: output.stderr.write });
  return { emit: logEvents(log), say: (line) => log.warn(line), [Symbol.dispose]: () => undefined };
}
