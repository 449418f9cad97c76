import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Command, CommandAnswer } from './usage-api-process.ts';

export interface UsageApiProcess extends AsyncDisposable {
  readonly url: string;
  control(command: Command): Promise<CommandAnswer>;
}

/** Starts usage-api-process.ts; ready when this returns, ended when disposed of, and with the test in any case. */
export async function spawnUsageApi(args: readonly string[] = []): Promise<UsageApiProcess> {
  const script = fileURLToPath(new URL('./usage-api-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const ready = once(createInterface(child.stdout), 'line');
  const [line] = await Promise.race([
    ready,
    ended.then(([code]) => {
      throw new Error(`The usage API ended before it was ready, with exit code ${code}.`);
    }),
  ]);
  const { url } = JSON.parse(line) as { url: string };
  return {
    url,
    control: async (command) => {
      const response = await fetch(new URL('/_control', url), { method: 'POST', body: JSON.stringify(command) });
      const { result } = (await response.json()) as { result: CommandAnswer };
      return result;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
