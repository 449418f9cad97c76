/** Exports that are cut, emptied, or come with other columns than last time. */
import { describe, expect, test } from 'vitest';
import { type DayBody, daily, day } from './days.ts';
import { world } from './world.ts';

const on = (date: string) => ['--from', date, '--to', date];
const [D1, D2, D3] = [day(0), day(1), day(2)];

describe('a gzip body cut in its last bytes, with the right number of rows (case b11)', () => {
  const body = (shift: number): DayBody => {
    const records = Array.from({ length: 2000 }, (_, i) => {
      return `u${String(i).padStart(5, '0')},${1_000_000 + shift + ((i * 7919) % 900_001)}`;
    });
    return { bytes: ['user_id,messages_total', ...records].join('\n'), recordCount: 2000 };
  };
  const last = `SELECT max_by(messages_total, user_id) FROM t`;

  test('is asked for again, and lands with its last value whole', async () => {
    await using w = await world(daily(new Map([[D1, body(0)]])));
    const cut = w.api.fault({ kind: 'gzip-cut' });
    w.api.fault({ kind: 'gzip' });
    expect(await w.run('run', 'j', ...on(D1))).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
    expect(cut.hits).toBe(1);
    expect(await w.query(last)).toEqual([['1530064']]);
  });

  test('fails where every attempt is cut, and the old rows stay', async () => {
    const bodies = new Map([[D1, body(5)]]);
    await using w = await world(daily(bodies));
    await w.run('run', 'j', ...on(D1));
    bodies.set(D1, body(0));
    w.api.fault({ kind: 'gzip-cut', times: 'always' });
    const failed = await w.run('run', 'j', ...on(D1));
    expect([failed.exit, failed.periods.get(D1)]).toEqual([1, { outcome: 'failed', code: 'BODY_SHORT' }]);
    expect(await w.query(last)).toEqual([['1530069']]);
    expect(await w.broken()).toEqual([]);
  });
});

describe.each(['csv', 'json'] as const)('a %s export without rows', (format) => {
  const header = 'user_id,messages_total';
  const [rows, none, noneAtAll] = {
    csv: [`${header}\nu1,1\nu2,2\nu3,3\n`, `${header}\n`, header],
    json: ['[{"user_id":"u1"},{},{}]', '[ ]', '[]'],
  }[format] as [string, string, string];

  test('is held where it says so itself, and a short body where it promises rows (case b13)', async () => {
    const bodies = new Map([D1, D2, D3].map((date) => [date, { bytes: rows, recordCount: 3 }]));
    await using w = await world(daily(bodies), { source: `history: null, format: ${format}` });
    const all = ['run', 'j', '--from', D1, '--to', D3];
    await w.run(...all);
    bodies.set(D1, { bytes: none, recordCount: 0 });
    bodies.set(D2, { bytes: noneAtAll, recordCount: 0 });
    bodies.set(D3, { bytes: none, recordCount: 3 });

    const run = await w.run(...all);
    expect(run.exit).toBe(1);
    expect(run.periods.get(D1)).toEqual({ outcome: 'held', code: 'WENT_EMPTY' });
    expect(run.periods.get(D2)).toEqual({ outcome: 'held', code: 'WENT_EMPTY' });
    expect(run.periods.get(D3)).toEqual({ outcome: 'failed', code: 'BODY_SHORT' });
    expect(run.errors.get(D3)?.message).toContain('the export holds 0 rows, its recordCount says 3');
    expect(await w.query('SELECT count(*) FROM t')).toEqual([['9']]);

    const accepted = await w.run('run', 'j', '--from', D1, '--to', D2, '--accept-held');
    expect(accepted).toMatchObject({ exit: 0, outcomes: { empty: 2 } });
    expect(await w.query('SELECT _period_date, count(*) FROM t GROUP BY ALL')).toEqual([[D3, '3']]);
    expect(await w.broken()).toEqual([]);
  });
});

describe('columns that come and go (case b19)', () => {
  const bodies = new Map<string, DayBody>([
    [D1, { bytes: 'user_id,messages_total\nu1,1\n', recordCount: 1 }],
    [D2, { bytes: 'user_id,name,seat_tier,messages_total\nu1,Ada,gold,2\n', recordCount: 1 }],
    [D3, { bytes: 'user_id,messages_total,name\nu1,3,Ada\n', recordCount: 1 }],
  ]);
  const withPolicy = (schema: string) => world(daily(bodies), { job: `window: { grain: day }, schema: ${schema}` });
  const all = ['run', 'j', '--from', D1, '--to', D3];
  const rows = 'SELECT messages_total, name, seat_tier FROM t ORDER BY 1';
  const LANDED = [
    ['1', null, null],
    ['2', 'Ada', 'gold'],
    ['3', 'Ada', null],
  ];

  test('are added by evolve, and null where an export lacks them', async () => {
    await using w = await withPolicy('evolve');
    expect(await w.run(...all)).toMatchObject({ exit: 0, outcomes: { loaded: 3 } });
    expect(await w.query(rows)).toEqual(LANDED);
    expect(await w.query('SELECT typeof(seat_tier) FROM t LIMIT 1')).toEqual([['VARCHAR']]);
  });

  test('land the same when the days come one by one, the newest first', async () => {
    await using w = await withPolicy('evolve');
    for (const date of [D3, D2, D1]) expect((await w.run('run', 'j', ...on(date))).exit).toBe(0);
    expect(await w.query(rows)).toEqual(LANDED);
  });

  test('fail their day under freeze, by name, and no other day', async () => {
    await using w = await withPolicy('freeze');
    const run = await w.run(...all);
    expect([run.exit, run.periods.get(D2)]).toEqual([1, { outcome: 'failed', code: 'COLUMN_NEW' }]);
    expect(run.errors.get(D2)?.message).toContain('"seat_tier"');
    expect(await w.query('SELECT messages_total FROM t ORDER BY 1')).toEqual([['1'], ['3']]);
  });

  test('are left out by discard, which is said once', async () => {
    await using w = await withPolicy('discard');
    const run = await w.run(...all);
    expect(run).toMatchObject({ exit: 0, outcomes: { loaded: 3 } });
    expect(run.said.split('seat_tier')).toHaveLength(2);
    expect(await w.query(`SELECT count(*) FROM (DESCRIBE t) WHERE column_name = 'seat_tier'`)).toEqual([['0']]);
  });
});
