import { describe, expect, test } from 'vitest';
import { world } from '../e2e/world.ts';
import { edition } from './bodies.ts';
import { outcomeOf } from './ends.ts';
import { hold } from './holder.ts';
import { reconfigure, spooled } from './place.ts';

const AT = ['--at', '2026-03-09T06:00:00Z'];
const DAY = ['--from', '2026-03-02', '--to', '2026-03-02'];
/** Two days that people wait for, then history, which is never answered: three requests hang, three never leave. */
const WINDOW = 'window: { grain: day, lookback: 2, begin: 2026-03-01 }';
const AWAITED = 2;
const HISTORY = [1, 2, 3, 4, 5, 6].map((n) => `2026-03-0${n}T00`);

describe('SIGTERM (reliability 3)', () => {
  test.each([
    { during: 'the extract', said: '"event":"period.started"', times: 1, least: 0 },
    { during: 'the staging', said: '"event":"period.extracted"', times: AWAITED, least: AWAITED },
    { during: 'the commit', said: '"event":"batch.committing"', times: 1, least: AWAITED },
  ])(
    'during $during commits what has arrived, starts nothing more and exits 143; the next run goes on',
    async (moment) => {
      const body = edition(1, 2_000);
      await using w = await world({ body: () => body }, { job: WINDOW });
      reconfigure(w, { 'rate_limit: null': 'rate_limit: null, concurrency: 3' });
      for (const match of HISTORY) w.api.fault({ kind: 'hang', match, times: 'always' });
      const run = w.start('run', 'j', ...AT, '--log-level', 'debug', '-o', 'json');
      await run.said(moment.said, moment.times);
      run.process.kill('SIGTERM');
      const stopped = await outcomeOf(run);
      expect(stopped.exit).toBe(143);
      expect(stopped.outcomes.loaded ?? 0).toBeGreaterThanOrEqual(moment.least);
      expect(stopped.outcomes.skipped).toBe(AWAITED + HISTORY.length - (stopped.outcomes.loaded ?? 0));
      expect(w.api.requests.filter(({ kind }) => kind === 'export').length).toBeLessThanOrEqual(AWAITED + 3);
      expect(spooled(w)).toEqual([]);

      w.api.liftFaults();
      const after = await w.run('run', 'j', ...AT);
      expect(after).toMatchObject({ exit: 0 });
      expect(after.outcomes.unchanged ?? 0).toBe(stopped.outcomes.loaded ?? 0);
      expect(await w.query('SELECT count(DISTINCT _period_key) FROM t')).toEqual([['8']]);
      expect(await w.broken()).toEqual([]);
    },
  );

  test('gives up a commit that waits, at the end of shutdown_grace and not of lock_timeout', async () => {
    let body = edition(1, 10);
    await using w = await world({ body: () => body });
    reconfigure(w, { 'lock_timeout: 1s': 'lock_timeout: 10m, shutdown_grace: 0.5s' });
    await w.run('run', 'j', ...DAY);
    body = edition(2, 10);
    await using holder = await hold(w.place.at('out.duckdb'), 'READ_ONLY');
    const run = w.start('run', 'j', ...DAY, '--log-level', 'debug', '-o', 'json');
    await run.said('"event":"batch.staged"');
    run.process.kill('SIGTERM');
    expect(await outcomeOf(run)).toMatchObject({ exit: 143, outcomes: { skipped: 1 } });
    expect(spooled(w)).toEqual([]);
    await holder.release();
    expect(await w.run('run', 'j', ...DAY)).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
    expect(await w.broken()).toEqual([]);
  });

  test('gives up noting failures in a file that is held, at the end of shutdown_grace', async () => {
    const [good, bad] = [edition(1, 10), { bytes: 'user_id,messages_total\nu1,many\n', recordCount: 1 }];
    await using w = await world(
      { body: ({ from }) => (from.date.startsWith('2026-03-07') ? bad : good) },
      { job: 'window: { grain: day, lookback: 1, begin: 2026-03-07 }' },
    );
    reconfigure(w, { 'lock_timeout: 1s': 'lock_timeout: 10m, shutdown_grace: 0.5s' });
    await w.run('run', 'j', '--at', '2026-03-08T06:00:00Z');
    const late = w.api.fault({ kind: 'hang', match: '2026-03-07T00' });
    const run = w.start('run', 'j', ...AT, '--log-level', 'debug', '-o', 'json');
    await run.said('"event":"batch.committed"');
    await using _ = await hold(w.place.at('out.duckdb'), 'READ_ONLY');
    late.lift();
    await run.said('"outcome":"failed"');
    run.process.kill('SIGTERM');
    expect(await outcomeOf(run)).toMatchObject({ exit: 1, outcomes: { loaded: 1, failed: 1 } });
    expect(spooled(w)).toEqual([]);
  });

  test('twice ends a run at once, wherever it is; what it leaves in the spool goes with the next start', async () => {
    let body = edition(1, 10);
    await using w = await world({ body: () => body });
    reconfigure(w, { 'lock_timeout: 1s': 'lock_timeout: 10m, shutdown_grace: 10m' });
    await w.run('run', 'j', ...DAY);
    body = edition(2, 10);
    await using holder = await hold(w.place.at('out.duckdb'), 'READ_ONLY');
    const run = w.start('run', 'j', ...DAY, '--log-level', 'debug', '-o', 'json');
    await run.said('"event":"batch.staged"');
    run.process.kill('SIGTERM');
    await run.said('stopping');
    run.process.kill('SIGTERM');
    expect((await run.ended).exit).toBe(143);
    await holder.release();
    expect(await w.run('run', 'j', ...DAY)).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
    expect(await w.broken()).toEqual([]);
    expect(spooled(w)).toEqual([]);
  });
});
