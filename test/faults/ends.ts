/** How processes end, and what they come to. */
import type { Started } from '../cli/exportd.ts';
import { type Told, told } from '../e2e/world.ts';

/** What a process that was started with `-o json` came to. */
export async function outcomeOf(started: Started): Promise<Told> {
  const { exit, stdout, stderr } = await started.ended;
  return { exit, ...told(stdout), said: stdout + stderr };
}

/** Ends a process that cannot defend itself. True where it was still at work. */
export async function killed(started: Started): Promise<boolean> {
  started.process.kill('SIGKILL');
  return (await started.ended).exit === undefined;
}
