import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { exportd } from '../cli/exportd.ts';
import { type World, world } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import type { ExportRequest } from '../engines/usage-api.ts';
import { reasons, runBy } from './clocked.ts';
import { killed } from './ends.ts';
import { reconfigure, spooled } from './place.ts';
import { dice, full } from './rounds.ts';

const WINDOW = 'window: { grain: day, begin: 2026-03-02 }';
/** Seven closed days. */
const AT = ['--at', '2026-03-09T06:00:00Z'];
const day = (date: string) => Date.parse(`${date}T06:00:00Z`);

describe('five days without exportd (reliability 25)', () => {
  test('with lookback 1: one run catches every day up, restates what changed meanwhile, and then nothing is due but the newest', async () => {
    await using w = await world({ rows: plainUsage({ rows: 3 }) }, { job: 'window: { grain: day, lookback: 1 }' });
    await runBy(() => day('2026-03-10'), w);
    const after = await runBy(() => day('2026-03-15'), w);
    expect(reasons(after)).toEqual({
      '2026-03-10': 'missing',
      '2026-03-11': 'missing',
      '2026-03-12': 'missing',
      '2026-03-13': 'missing',
      '2026-03-14': 'missing',
    });
    expect(reasons(await runBy(() => day('2026-03-15'), w))).toEqual({ '2026-03-14': 'lookback' });
    expect(
      await w.query(
        'SELECT count(DISTINCT _period_key), bool_and(settled) FROM t JOIN _exportd_loads l ON l.load_id = _load_id',
      ),
    ).toEqual([['6', 'true']]);
    expect(await w.broken()).toEqual([]);
  });

  test('with lookback 3: days whose last restatement fell into it are exported once more', async () => {
    await using w = await world({ rows: plainUsage({ rows: 3 }) }, { job: 'window: { grain: day, lookback: 3 }' });
    await runBy(() => day('2026-03-10'), w);
    expect(reasons(await runBy(() => day('2026-03-15'), w))).toMatchObject({
      '2026-03-08': 'unsettled',
      '2026-03-09': 'unsettled',
      '2026-03-10': 'missing',
      '2026-03-14': 'missing',
    });
    expect(reasons(await runBy(() => day('2026-03-15'), w))).toEqual({
      '2026-03-12': 'lookback',
      '2026-03-13': 'lookback',
      '2026-03-14': 'lookback',
    });
    expect(await w.broken()).toEqual([]);
  });

  test('with month to date, over a month end: the month that ended is closed, the new one is open', async () => {
    await using w = await world({ rows: sinceStart }, { job: 'window: month to date' });
    const monthDays = 'SELECT _period_date, messages_total FROM t ORDER BY 1';
    await runBy(() => day('2026-03-29'), w);
    expect(await w.query(monthDays)).toContainEqual(['2026-03-01', '31']);
    expect(reasons(await runBy(() => day('2026-04-03'), w))).toMatchObject({
      '2026-03-01': 'provisional',
      '2026-04-01': 'open',
    });
    expect(
      await w.query(
        "SELECT closed FROM _exportd_loads WHERE period_date = '2026-03-01' ORDER BY loaded_at DESC LIMIT 1",
      ),
    ).toEqual([['true']]);
    expect(await w.broken()).toEqual([]);
  });
});

function sinceStart({ start, end }: ExportRequest) {
  return [{ user_id: 'u1', messages_total: Math.round((end - start) / 86_400_000) }];
}

describe('what a person does to the file (reliability 25)', { timeout: full ? 300_000 : 30_000 }, () => {
  test('a ledger dropped by hand is made again by one run: nothing is lost or doubled', async () => {
    await using w = await filled();
    await byHand(w, 'DROP VIEW _exportd_state; DROP TABLE _exportd_loads');
    expect(await w.run('run', 'j', ...AT)).toMatchObject({ exit: 0, outcomes: { loaded: 7 } });
    expect(await w.query('SELECT count(*), count(DISTINCT _period_key) FROM t')).toEqual([['21', '7']]);
    expect(await w.broken()).toEqual([]);
  });

  test('a truncated table is told of with the command that heals it', async () => {
    await using w = await filled('window: { grain: day, lookback: 7 }', []);
    await byHand(w, 'TRUNCATE t');
    // What is only shown counts no periods.
    const { stdout } = await exportd(['plan', 'j', '--config', w.place.at('exportd.yaml')]);
    expect(stdout).toContain('table t holds 0 rows where the ledger says 21: something else changed it');
    const { said } = await w.run('run', 'j');
    expect(said).toContain('table t holds 0 rows where the ledger says 21, 7 periods not whole');
    const [, command = ''] = /exportd (backfill j --all)/.exec(said) ?? [];
    expect((await w.run(...command.split(' '))).exit).toBe(0);
    expect(await w.query('SELECT count(DISTINCT _period_key) >= 7 FROM t')).toEqual([['true']]);
    expect(await w.broken()).toEqual([]);
  });

  test('a dropped table is voided, made and loaded anew, and that is said', async () => {
    await using w = await filled();
    await byHand(w, 'DROP TABLE t');
    const again = await w.run('run', 'j', ...AT);
    expect(again).toMatchObject({ exit: 0, outcomes: { loaded: 7 } });
    expect(again.said).toContain('table t was gone and was made again: every period is loaded anew');
    expect(await w.query('SELECT count(*), count(DISTINCT _period_key) FROM t')).toEqual([['21', '7']]);
    expect(await w.query("SELECT count(*) FROM _exportd_loads WHERE outcome = 'reset'")).toEqual([['1']]);
    expect(await w.broken()).toEqual([]);
  });

  test('a dropped table whose making is killed is made by the next run', async () => {
    const thrown = dice();
    await using w = await filled();
    for (let n = 1; n <= (full ? 15 : 1); n += 1) {
      await byHand(w, 'DROP TABLE IF EXISTS t');
      const run = w.start('run', 'j', ...AT, '--log-level', 'debug');
      await run.said('"event":"batch.staged"');
      const { promise: later, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, thrown.throw() * 150);
      await later;
      await killed(run);
      const figures = `seed ${thrown.seed}, kill ${n}`;
      expect((await w.run('run', 'j', ...AT)).exit, figures).toBe(0);
      expect(await w.query('SELECT count(*), count(DISTINCT _period_key) FROM t'), figures).toEqual([['21', '7']]);
      expect(await w.broken(), figures).toEqual([]);
      expect(spooled(w)).toEqual([]);
    }
  });

  test('a source that was renamed is refused by its workspace, and goes on once it has its old key', async () => {
    await using w = await filled();
    reconfigure(w, { 'acme: {': 'acme_eu: {', 'source: acme': 'source: acme_eu' });
    const renamed = await w.run('run', 'j', ...AT);
    expect(renamed).toMatchObject({ exit: 1, outcomes: { failed: 7 } });
    expect(renamed.errors.get('2026-03-02')).toEqual({
      code: 'ORG_TWICE',
      message: 'table t holds workspace ws-acme as `acme`; job j brings it as `acme_eu`: usage would count twice',
      hint: 'Renamed the source? Set `key: acme` on it. Otherwise use another table.',
    });
    expect(await w.broken()).toEqual([]);
    reconfigure(w, { 'acme_eu: {': 'acme_eu: { key: acme,' });
    expect(await w.run('run', 'j', ...AT)).toMatchObject({ exit: 0, outcomes: { unchanged: 1 } });
    expect(await w.query('SELECT count(*), count(DISTINCT _period_key) FROM t')).toEqual([['21', '7']]);
    expect(await w.broken()).toEqual([]);
  });
});

/** Seven days of three rows each. */
async function filled(job = WINDOW, at = AT): Promise<World> {
  const w = await world({ rows: plainUsage({ rows: 3 }), workspace: 'ws-acme' }, { job });
  await w.run('run', 'j', ...at);
  return w;
}

/** What somebody does with another program. */
async function byHand(w: World, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(w.place.at('out.duckdb'));
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}
