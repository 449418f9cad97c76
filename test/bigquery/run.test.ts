/** exportd end to end: from the Usage Export API into a dataset. */
import { expect, test } from 'vitest';
import { exportd, folder } from '../cli/exportd.ts';
import { day, firstDays } from '../e2e/days.ts';
import { told } from '../e2e/world.ts';
import { startUsageApi, type UsageApiOptions } from '../engines/usage-api.ts';
import { emulatorUrl } from './lab.ts';
import { bigQueryWarehouse } from './warehouse.ts';

const KEY = 'the-api-key-of-acme';

async function world(options: UsageApiOptions, job: string) {
  const warehouse = await bigQueryWarehouse(emulatorUrl());
  const api = await startUsageApi({
    keys: { [KEY]: ['USAGE_EXPORT_API'] },
    historyMonths: null,
    rateLimit: null,
    ...options,
  });
  const { dataset, endpoint } = warehouse.place;
  const place = folder({
    'exportd.yaml': `version: 1
sources: { acme: { type: export_api, base_url: "${api.url}", api_key: ${KEY}, rate_limit: null, history: null } }
destinations: { bq: { type: bigquery, project: test, dataset: ${dataset}, endpoint: "${endpoint}" } }
daemon: { spool_dir: ./spool }
jobs:
  j: { source: acme, data_type: users, destination: bq, table: t, timezone: Europe/Berlin, ${job},
       retries: { max_attempts: 8, min_delay: 0.1s, max_delay: 1s } }
`,
  });
  return {
    warehouse,
    api,
    run: async (...words: string[]) => {
      const { exit, stdout } = await exportd([...words, '-c', place.at('exportd.yaml'), '-o', 'json']);
      return { exit, ...told(stdout) };
    },
    async [Symbol.asyncDispose]() {
      place[Symbol.dispose]();
      await api[Symbol.asyncDispose]();
      await warehouse[Symbol.asyncDispose]();
    },
  };
}

/** One body for every day. */
const same = (bytes: string): UsageApiOptions => ({
  body: () => ({ bytes, recordCount: bytes.trim().split('\n').length - 1 }),
});

test('a period is loaded once and found unchanged the second time; nothing differs from the ledger', async () => {
  await using w = await world(same('user_id,messages_total\nu1,5\nu2,7\n'), 'window: { grain: day }');
  expect(await w.run('run', 'j', ...firstDays(3))).toMatchObject({ exit: 0, outcomes: { loaded: 3 } });
  expect(await w.run('run', 'j', ...firstDays(3))).toMatchObject({ exit: 0, outcomes: { unchanged: 3 } });
  const table = w.warehouse.table('t');
  const state = w.warehouse.table('_exportd_state');
  expect(
    await w.warehouse.sql(`SELECT s.period_key FROM ${state} AS s
LEFT JOIN (SELECT _period_key, COUNT(*) AS n, MAX(_load_id) AS load FROM ${table} GROUP BY _period_key) AS t
  ON t._period_key = s.period_key
WHERE t.n IS NULL OR t.n != s.row_count OR t.load != s.rows_load_id`),
  ).toEqual([]);
  expect(await w.warehouse.sql(`SELECT COUNT(*) AS n FROM ${table}`)).toEqual([{ n: '6' }]);
});

test('columns named like words of SQL land twice (case d02)', async () => {
  const csv =
    'user_id,order,group,default,table,select,date,desc,start,messages_total\nu1,1,2,3,4,5,2026-01-01,7,8,9\n';
  await using w = await world(same(csv), 'window: { grain: day }');
  for (const _ of [1, 2]) expect((await w.run('backfill', 'j', '--all', ...firstDays(1))).exit).toBe(0);
  const [row] = await w.warehouse.sql(
    `SELECT \`order\`, \`group\`, \`default\`, \`table\`, \`select\`, date, \`desc\`, start, messages_total FROM ${w.warehouse.table('t')}`,
  );
  expect(Object.values(row ?? {})).toEqual(['1', '2', '3', '4', '5', '2026-01-01', '7', '8', '9']);
});

const WIDE = 'user_id,big,joined_at\nu1,12345678901234567891,2026-03-29\n';

test('wide decimals keep every digit, instants are instants, dates dates (case d11)', async () => {
  await using w = await world(
    { body: ({ from }) => (from.date.startsWith('2026-03-29') ? { bytes: WIDE, recordCount: 1 } : undefined) },
    'window: { grain: day }, columns: { types: { big: numeric } }',
  );
  await w.run('run', 'j', '--from', '2026-03-29', '--to', '2026-03-29');
  const [row] = await w.warehouse.sql(
    `SELECT big, CAST(_period_start AS STRING) AS start_at, CAST(joined_at AS STRING) AS joined FROM ${w.warehouse.table('t')}`,
  );
  expect(row).toEqual({ big: '12345678901234567891', start_at: '2026-03-28 23:00:00+00', joined: '2026-03-29' });
});

test('a column that BigQuery keeps for itself fails its period alone, and is never sent (case d01)', async () => {
  const csv = (column: string) => `user_id,${column}\nu1,x\n`;
  await using w = await world(
    { body: ({ from }) => ({ bytes: csv(from.date.startsWith(day(1)) ? '_PARTITION_key' : 'team'), recordCount: 1 }) },
    'window: { grain: day }',
  );
  const { exit, periods, errors } = await w.run('run', 'j', ...firstDays(3));
  expect(exit).toBe(1);
  expect([...periods.values()].map(({ outcome }) => outcome).sort()).toEqual(['failed', 'loaded', 'loaded']);
  expect(errors.get(day(1))).toMatchObject({ code: 'COLUMN_REFUSED' });
  expect(JSON.stringify(w.warehouse.proxy.seen.map(({ body }) => body))).not.toMatch(/_partition_key/i);
});

test('a map with a number that is too wide fails its period by name, the others land to the digit', async () => {
  const csv = (map: string) => `user_id,m\nu1,"${map.replaceAll('"', '""')}"\n`;
  const fine = '{"gpt":18446744073709551615,"o":0.1}';
  await using w = await world(
    {
      body: ({ from }) => ({
        bytes: csv(from.date.startsWith(day(1)) ? '{"gpt":1.2345678901234567890}' : fine),
        recordCount: 1,
      }),
    },
    'window: { grain: day }, columns: { types: { m: map } }',
  );
  const { errors } = await w.run('run', 'j', ...firstDays(2));
  expect(errors.get(day(1))?.message).toContain('column "m", row 1');
  expect(await w.warehouse.sql(`SELECT TO_JSON_STRING(m) AS m FROM ${w.warehouse.table('t')}`)).toEqual([{ m: fine }]);
});

test("a year of days takes at most 8 load jobs and 8 scripts after the morning's own batch", async () => {
  await using w = await world(same('user_id,messages_total\nu1,5\n'), 'window: { grain: day, lookback: 3 }');
  const { exit, outcomes } = await w.run('backfill', 'j', '--from', '2025-01-01', '--to', '2025-12-31');
  expect({ exit, outcomes }).toEqual({ exit: 0, outcomes: { loaded: 365 } });
  const { proxy } = w.warehouse;
  expect(proxy.count('upload')).toBeLessThanOrEqual(8);
  expect(proxy.count('job')).toBeLessThanOrEqual(8);
  expect(proxy.count('query')).toBeLessThanOrEqual(3);
});

test('two runs at once for different periods of one table both end well (case d07)', async () => {
  await using w = await world(same('user_id,messages_total\nu1,5\n'), 'window: { grain: day }');
  await w.run('run', 'j', ...firstDays(1));
  for (let round = 0; round < 2; round++) {
    const runs = [1, 2].map((n) => w.run('backfill', 'j', '--all', '--from', day(n), '--to', day(n)));
    for (const { exit, outcomes } of await Promise.all(runs)) expect({ exit, outcomes }).toMatchObject({ exit: 0 });
  }
  const [row] = await w.warehouse.sql(
    `SELECT COUNT(*) AS n, COUNT(DISTINCT _period_key) AS k FROM ${w.warehouse.table('t')}`,
  );
  expect(row).toEqual({ n: '3', k: '3' });
});
