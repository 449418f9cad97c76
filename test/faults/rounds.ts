/** How often fault tests try, and by which dice. `EXPORTD_FAULTS=full` asks for the counts of reliability.md. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Started } from '../cli/exportd.ts';
import { type Told, told, type World } from '../e2e/world.ts';
import type { RawBody } from '../engines/usage-api/options.ts';

export const full = process.env.EXPORTD_FAULTS === 'full';

export interface Dice {
  /** What EXPORTD_SEED takes to throw the same again. */
  readonly seed: number;
  /** In [0, 1). */
  throw(): number;
}

/** Mulberry32, from EXPORTD_SEED or a new seed. Whoever throws prints the seed. */
export function dice(): Dice {
  const seed = Number(process.env.EXPORTD_SEED ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  return {
    seed,
    throw() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

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

/** A body of so many rows, all of them of one edition, made once. */
export function edition(number: number, rows: number): RawBody {
  const lines = Array.from({ length: rows }, (_, n) => `u${n},User ${n},${number}\n`);
  return { bytes: `user_id,name,messages_total\n${lines.join('')}`, recordCount: rows };
}

/** As `edition`, and no compression makes it small: about 70 bytes a row. */
export function noise(number: number, rows: number): RawBody {
  const lines = Array.from({ length: rows }, (_, n) => `u${n},${randomBytes(32).toString('hex')},${number}\n`);
  return { bytes: `user_id,name,messages_total\n${lines.join('')}`, recordCount: rows };
}

/** Other words in the world's config. */
export function reconfigure(w: World, changes: Readonly<Record<string, string>>): void {
  let config = readFileSync(w.place.at('exportd.yaml'), 'utf8');
  for (const [from, to] of Object.entries(changes)) {
    if (!config.includes(from)) throw new Error(`the config does not say ${from}`);
    config = config.replace(from, to);
  }
  w.place.write('exportd.yaml', config);
}

/** What lies in the spool folder. */
export function spooled(w: World): string[] {
  return readdirSync(w.place.at('spool'));
}
