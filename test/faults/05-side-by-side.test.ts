import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { exportd } from '../cli/exportd.ts';
import { type World, world } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { killed, outcomeOf } from './ends.ts';
import { reconfigure } from './place.ts';
import { full } from './rounds.ts';

const ROUNDS = full ? 50 : 2;
const DAYS = ['--from', '2026-03-02', '--to', '2026-03-04'];
const DAY = ['--from', '2026-03-02', '--to', '2026-03-02'];

/** A world whose file may be waited for as long as two processes take. */
async function patient(edition: () => number): Promise<World> {
  const w = await world({ rows: (request) => plainUsage({ rows: 20, edition: edition() })(request) });
  reconfigure(w, { 'lock_timeout: 1s': 'lock_timeout: 60s' });
  return w;
}

const plan = (w: World) => exportd(['plan', 'j', '-c', w.place.at('exportd.yaml')]);

describe('two processes on one table (reliability 5)', { timeout: full ? 600_000 : 60_000 }, () => {
  test('load the same new keys into no table at all at the same time: nothing is doubled, and both end well', async () => {
    await using w = await patient(() => 0);
    for (let round = 1; round <= ROUNDS; round += 1) {
      rmSync(w.place.at('out.duckdb'), { force: true });
      const both = [w.start('run', 'j', ...DAYS, '-o', 'json'), w.start('run', 'j', ...DAYS, '-o', 'json')];
      const told = await Promise.all(both.map(outcomeOf));
      for (const { exit, said } of told) expect(exit, `round ${round}: ${said}`).toBe(0);
      expect(await w.query('SELECT count(*), count(DISTINCT _period_key) FROM t'), `round ${round}`).toEqual([
        ['60', '3'],
      ]);
      expect(await w.broken(), `round ${round}`).toEqual([]);
    }
  });

  test('a backfill beside a run leaves each period once', async () => {
    await using w = await patient(() => 0);
    const backfill = w.start('backfill', 'j', '--from', '2026-02-01', '--to', '2026-03-04', '-o', 'json');
    const run = w.start('run', 'j', ...DAYS, '-o', 'json');
    expect([(await outcomeOf(backfill)).exit, (await outcomeOf(run)).exit]).toEqual([0, 0]);
    expect(await w.query('SELECT count(*), count(DISTINCT _period_key) FROM t')).toEqual([['640', '32']]);
    expect(await w.broken()).toEqual([]);
  });

  test('an export that found nothing new does not stand for rows that another process has replaced meanwhile', async () => {
    let edition = 0;
    await using w = await patient(() => edition);
    await w.run('run', 'j', ...DAY);
    // The slow one has its export of the old usage, and waits for the file while the quick one loads the new usage.
    const slow = w.api.fault({ kind: 'hang', on: 'download' });
    const run = w.start('run', 'j', ...DAY, '-o', 'json');
    await w.api.seen(({ fault }) => fault === 'hang');
    edition = 1;
    const quick = await w.run('run', 'j', ...DAY);
    slow.lift();
    expect([quick.outcomes, (await outcomeOf(run)).outcomes]).toEqual([{ loaded: 1 }, { unchanged: 1 }]);
    expect(await w.broken()).toEqual([]);
    const newest = `SELECT outcome, rows_load_id = (SELECT any_value(_load_id) FROM t) FROM _exportd_loads
      ORDER BY loaded_at DESC, load_id DESC LIMIT 1`;
    expect(await w.query(newest)).toEqual([['loaded', 'true']]);
  });

  test('a plan beside a run says that it is not alone, until that run has ended', async () => {
    await using w = await patient(() => 0);
    reconfigure(w, { 'window: { grain: day }': 'window: { grain: day, lookback: 1, begin: 2026-03-01 }' });
    w.api.fault({ kind: 'hang', match: '2026-03-01T00', times: 'always' });
    const run = w.start('run', 'j', '--at', '2026-03-03T06:00:00Z', '--log-level', 'info');
    await run.said('"event":"batch.committed"');
    const warning = 'another exportd wrote to table t in the last 15 minutes';
    expect((await plan(w)).stdout).toContain(warning);
    await killed(run);
    expect((await plan(w)).stdout).not.toContain(warning);
  });
});
