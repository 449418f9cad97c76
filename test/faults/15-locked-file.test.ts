import { describe, expect, test } from 'vitest';
import { type World, world } from '../e2e/world.ts';
import { edition } from './bodies.ts';
import { outcomeOf } from './ends.ts';
import { hold } from './holder.ts';
import { reconfigure, spooled } from './place.ts';
import { full } from './rounds.ts';

/** Seconds. */
const LOCK_TIMEOUT = full ? 10 : 1;
const SHORT_HOLD = full ? 3 : 0.3;
const DAYS = ['--from', '2026-03-02', '--to', '2026-03-04'];

/** Three days were loaded; their usage has changed since. */
async function filled(): Promise<World> {
  let body = edition(1, 100);
  const w = await world({ body: () => body });
  reconfigure(w, { 'lock_timeout: 1s': `lock_timeout: ${LOCK_TIMEOUT}s` });
  await w.run('run', 'j', ...DAYS);
  body = edition(2, 100);
  w.api.requests.length = 0;
  return w;
}

describe('a DuckDB file that another process has open (reliability 15)', { timeout: 60_000 }, () => {
  test.each(['READ_WRITE', 'READ_ONLY'] as const)(
    '%s, and lets go of in time, is waited for (case d14)',
    async (mode) => {
      await using w = await filled();
      await using holder = await hold(w.place.at('out.duckdb'), mode);
      const run = w.start('run', 'j', ...DAYS, '-o', 'json');
      setTimeout(() => void holder.release(), SHORT_HOLD * 1000);
      expect(await outcomeOf(run)).toMatchObject({ exit: 0, outcomes: { loaded: 3 } });
      expect(await w.broken()).toEqual([]);
    },
  );

  test.each(['READ_WRITE', 'READ_ONLY'] as const)(
    '%s, and keeps, ends the run after lock_timeout, naming file, program and PID (case d14)',
    async (mode) => {
      await using w = await filled();
      await using holder = await hold(w.place.at('out.duckdb'), mode);
      const began = performance.now();
      const run = await w.start('run', 'j', ...DAYS).ended;
      const took = performance.now() - began;
      expect(run.exit).toBe(1);
      expect(took).toBeGreaterThan(LOCK_TIMEOUT * 1000);
      // Once, and not once more for the batch's retries or for its notes.
      expect(took).toBeLessThan(LOCK_TIMEOUT * 2000 + 5000);
      expect(run.stdout).toContain(`${w.place.at('out.duckdb')} is in use by `);
      expect(run.stdout).toMatch(new RegExp(`/node \\(PID ${holder.pid}\\); waited ${LOCK_TIMEOUT} s`));
      expect(run.stdout.toLowerCase()).not.toMatch(/read.?only/);
      // Who reads lets us read: the periods are exported before the file is wanted for writing, and once.
      const exports = w.api.requests.filter(({ kind }) => kind === 'export').length;
      expect(exports).toBe(mode === 'READ_ONLY' ? 3 : 0);
      expect(spooled(w)).toEqual([]);
      await holder.release();
      expect(await w.broken()).toEqual([]);
      expect(await w.run('run', 'j', ...DAYS)).toMatchObject({ exit: 0, outcomes: { loaded: 3 } });
    },
  );
});
