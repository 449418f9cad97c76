/** The main job as a person lives it: one YAML job, the Usage Export API, a DuckDB file. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import type { ExportRequest, Row } from '../engines/usage-api.ts';
import { world } from './world.ts';

const HOUR = 3_600_000;
const WEEK = ['--from', '2026-03-02', '--to', '2026-03-08'];
const DAY = ['--from', '2026-03-02', '--to', '2026-03-02'];

describe('a job', () => {
  test('lands every row of every period once, typed, with its metadata and its ledger row', async () => {
    await using w = await world({ rows: plainUsage({ rows: 3 }), workspace: 'ws-acme' });
    expect(await w.run('run', 'j', ...WEEK)).toMatchObject({ exit: 0, outcomes: { loaded: 7 } });
    expect(await w.query('SELECT count(*), count(DISTINCT _period_key), count(DISTINCT user_id) FROM t')).toEqual([
      ['21', '7', '3'],
    ]);
    expect(
      await w.query(`
        SELECT _period_key, _period_date, epoch_ms(_period_start), epoch_ms(_period_end), _source, org_id
        FROM t ORDER BY _period_start LIMIT 1`),
    ).toEqual([
      [
        'acme/users/2026-03-02/2026-03-03@Europe/Berlin',
        '2026-03-02',
        String(Date.parse('2026-03-01T23:00:00Z')),
        String(Date.parse('2026-03-02T23:00:00Z')),
        'acme',
        'ws-acme',
      ],
    ]);
    expect(await w.query('SELECT typeof(messages_total), typeof(user_id), typeof(joined_at) FROM t LIMIT 1')).toEqual([
      ['BIGINT', 'VARCHAR', 'DATE'],
    ]);
    expect(await w.broken()).toEqual([]);
  });

  test('rewrites nothing where nothing changed', async () => {
    await using w = await world({ rows: plainUsage({ rows: 3 }) });
    await w.run('run', 'j', ...WEEK);
    const before = await w.query('SELECT * FROM t ORDER BY ALL');
    expect(await w.run('run', 'j', ...WEEK)).toMatchObject({ exit: 0, outcomes: { unchanged: 7 } });
    expect(await w.query('SELECT * FROM t ORDER BY ALL')).toEqual(before);
  });

  test('restates a period that changed: new values are in, vanished rows are gone, other days stay', async () => {
    let edition = 0;
    const changed = (request: ExportRequest): Row[] | undefined =>
      request.from.date.startsWith('2026-03-04')
        ? plainUsage({ rows: 8, edition })(request)
        : plainUsage({ rows: 9 })(request);
    const usage = (request: ExportRequest) => (edition === 0 ? plainUsage({ rows: 9 })(request) : changed(request));
    await using w = await world({ rows: usage });
    await w.run('run', 'j', ...WEEK);
    edition = 1;
    const again = await w.run('run', 'j', ...WEEK);
    expect(again).toMatchObject({ exit: 0, outcomes: { loaded: 1, unchanged: 6 } });
    expect(again.periods.get('2026-03-04')?.outcome).toBe('loaded');
    expect(await w.query('SELECT _period_date, count(*) FROM t GROUP BY ALL HAVING count(*) <> 9')).toEqual([
      ['2026-03-04', '8'],
    ]);
    expect(await w.broken()).toEqual([]);
  });

  test('lands the same rows from CSV and from JSON', async () => {
    const rows = (request: ExportRequest): Row[] => [
      ...(plainUsage({ rows: 3 })(request) ?? []),
      {
        user_id: '007',
        name: 'say "hi",\nZoë 🚀',
        department: '',
        role: null,
        model_to_messages_total: { b: 1, a: 2 },
      },
    ];
    await using w = await world({ rows });
    await w.run('run', 'j', ...DAY);
    const config = readFileSync(w.place.at('exportd.yaml'), 'utf8');
    w.place.write('exportd.yaml', config.replace('type: export_api,', 'type: export_api, format: json,'));
    expect(await w.run('run', 'j', ...DAY)).toMatchObject({ exit: 0, outcomes: { unchanged: 1 } });
    expect(w.api.requests.some(({ path }) => path.endsWith('/json'))).toBe(true);
  });

  test('asks for days of 23 and 25 hours where clocks change, and leaves no hour out', async () => {
    const rows = ({ start, end }: ExportRequest): Row[] => [{ user_id: 'u1', messages_total: (end - start) / HOUR }];
    await using w = await world({ rows });
    await w.run('run', 'j', '--from', '2026-03-28', '--to', '2026-03-30');
    await w.run('run', 'j', '--from', '2025-10-25', '--to', '2025-10-27');
    expect(await w.query('SELECT _period_date, messages_total FROM t ORDER BY 1')).toEqual([
      ['2025-10-25', '24'],
      ['2025-10-26', '25'],
      ['2025-10-27', '24'],
      ['2026-03-28', '24'],
      ['2026-03-29', '23'],
      ['2026-03-30', '24'],
    ]);
    const gaps = `SELECT count(*) FROM (SELECT _period_start - lag(_period_end) OVER (ORDER BY _period_start) AS gap,
      _period_date FROM t) WHERE gap <> INTERVAL 0 HOUR AND _period_date <> '2026-03-28'`;
    expect(await w.query(gaps)).toEqual([['0']]);
  });
});

describe('a period that lost its rows', () => {
  test('is held on NOT_FOUND, keeps its old rows, and is let go when a person says so', async () => {
    let rows = 3;
    await using w = await world({ rows: (request) => plainUsage({ rows })(request) });
    await w.run('run', 'j', ...DAY);
    rows = 0;
    const held = await w.run('run', 'j', ...DAY);
    expect(held).toMatchObject({ exit: 1, outcomes: { held: 1 } });
    expect(held.periods.get('2026-03-02')?.code).toBe('WENT_EMPTY');
    expect(await w.query('SELECT count(*) FROM t')).toEqual([['3']]);
    expect(await w.run('run', 'j', ...DAY, '--accept-held')).toMatchObject({ exit: 0, outcomes: { empty: 1 } });
    expect(await w.query('SELECT count(*) FROM t')).toEqual([['0']]);
    expect(await w.broken()).toEqual([]);
  });

  test('is held where 95 % of them are gone', async () => {
    let rows = 100;
    await using w = await world({ rows: (request) => plainUsage({ rows })(request) });
    await w.run('run', 'j', ...DAY);
    rows = 5;
    const held = await w.run('run', 'j', ...DAY);
    expect(held.periods.get('2026-03-02')).toEqual({ outcome: 'held', code: 'SHRUNK' });
    expect(await w.query('SELECT count(*) FROM t')).toEqual([['100']]);
    expect(await w.broken()).toEqual([]);
  });

  test('is held where a whole first run has none: a wrong workspace looks like that', async () => {
    await using w = await world({ rows: () => undefined });
    const held = await w.run('run', 'j', ...WEEK);
    expect(held).toMatchObject({ exit: 1, outcomes: { held: 7 } });
    expect(held.periods.get('2026-03-02')?.code).toBe('ALL_EMPTY');
  });
});

describe('after a time without exportd', () => {
  test('five days that were missed are caught up by one plain run, with lookback 1', async () => {
    await using w = await world({ rows: plainUsage({ rows: 3 }) });
    await w.run('run', 'j', '--at', '2026-03-10T06:00:00Z');
    const after = await w.run('run', 'j', '--at', '2026-03-15T06:00:00Z');
    expect(after.exit).toBe(0);
    expect([...after.periods.keys()].sort()).toEqual([
      '2026-03-10',
      '2026-03-11',
      '2026-03-12',
      '2026-03-13',
      '2026-03-14',
    ]);
    expect(await w.broken()).toEqual([]);
  });

  test('a killed backfill is healed by the same command, and nothing is doubled', async () => {
    await using w = await world({ rows: plainUsage({ rows: 3 }) });
    w.api.fault({ kind: 'hang', match: '2026-03-05', times: 'always' });
    const killed = w.start('backfill', 'j', '--from', '2026-03-02', '--to', '2026-03-08');
    await w.api.seen(({ fault }) => fault === 'hang');
    killed.process.kill('SIGKILL');
    await killed.ended;
    w.api.liftFaults();
    const healed = await w.run('backfill', 'j', '--from', '2026-03-02', '--to', '2026-03-08');
    expect(healed.exit).toBe(0);
    expect(await w.query('SELECT count(*), count(DISTINCT _period_key) FROM t')).toEqual([['21', '7']]);
    expect(await w.broken()).toEqual([]);
  });
});
