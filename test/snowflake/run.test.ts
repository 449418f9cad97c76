/** exportd end to end: from the Usage Export API into a schema. */
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exportd, folder, start } from '../cli/exportd.ts';
import { day, firstDays } from '../e2e/days.ts';
import { told } from '../e2e/world.ts';
import { startUsageApi, type UsageApiOptions } from '../engines/usage-api.ts';
import { emulatorUrl } from './lab.ts';
import { snowflakeWarehouse } from './warehouse.ts';

const KEY = 'the-api-key-of-acme';

async function world(options: UsageApiOptions, job: string) {
  const warehouse = await snowflakeWarehouse(emulatorUrl());
  const api = await startUsageApi({
    keys: { [KEY]: ['USAGE_EXPORT_API'] },
    historyMonths: null,
    rateLimit: null,
    ...options,
  });
  const { account, url, user, database, schema } = warehouse.place;
  const place = folder({
    'exportd.yaml': `version: 1
sources: { acme: { type: export_api, base_url: "${api.url}", api_key: ${KEY}, rate_limit: null, history: null } }
destinations:
  sf: { type: snowflake, account: ${account}, url: "${url}", user: ${user}, password: none, database: ${database}, schema: ${schema} }
daemon: { spool_dir: ./spool }
jobs:
  j: { source: acme, data_type: users, destination: sf, table: t, timezone: Europe/Berlin, ${job},
       retries: { max_attempts: 8, min_delay: 0.1s, max_delay: 1s } }
`,
  });
  return {
    warehouse,
    api,
    place,
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
  expect(await w.warehouse.sql(`SELECT COUNT(*) AS n FROM ${table}`)).toEqual([{ n: 6 }]);
});

test('where nothing is due, nothing is asked beyond the ledger', async () => {
  await using w = await world(same('user_id,messages_total\nu1,5\n'), 'window: { grain: day, lookback: 1 }');
  await w.run('run', 'j', ...firstDays(1));
  w.warehouse.proxy.seen.length = 0;
  expect(await w.run('backfill', 'j', ...firstDays(1))).toMatchObject({ exit: 0, outcomes: {} });
  const said = w.warehouse.proxy.seen.flatMap(({ kind, sql }) => (sql === '' ? [] : [kind]));
  expect(said).toEqual(['ALTER', 'SELECT', 'WITH']);
});

test('columns named like words of SQL land twice (case d02)', async () => {
  const csv =
    'user_id,order,group,default,table,select,date,desc,start,messages_total\nu1,1,2,3,4,5,2026-01-01,7,8,9\n';
  await using w = await world(same(csv), 'window: { grain: day }');
  for (const _ of [1, 2]) expect((await w.run('backfill', 'j', '--all', ...firstDays(1))).exit).toBe(0);
  const [row] = await w.warehouse.sql(
    `SELECT "ORDER", "GROUP", "DEFAULT", "TABLE", "SELECT", date, "DESC", start, messages_total FROM ${w.warehouse.table('t')}`,
  );
  expect(Object.values(row ?? {}).map(String)).toEqual(['1', '2', '3', '4', '5', '2026-01-01', '7', '8', '9']);
});

const WIDE = 'user_id,big,joined_at\nu1,12345678901234567891,2026-03-29\n';

test('wide decimals keep every digit, instants are instants, dates dates (case d11)', async () => {
  await using w = await world(
    { body: ({ from }) => (from.date.startsWith('2026-03-29') ? { bytes: WIDE, recordCount: 1 } : undefined) },
    'window: { grain: day }, columns: { types: { big: numeric } }',
  );
  await w.run('run', 'j', '--from', '2026-03-29', '--to', '2026-03-29');
  const [row] = await w.warehouse.sql(
    `SELECT CAST(big AS VARCHAR) AS big, CAST(_period_start AS VARCHAR) AS start_at, CAST(joined_at AS VARCHAR) AS joined FROM ${w.warehouse.table('t')}`,
  );
  expect(row).toEqual({
    big: '12345678901234567891.000000000',
    start_at: '2026-03-28 23:00:00+00',
    joined: '2026-03-29',
  });
});

test('maps land as VARIANT, and one with a doubled key fails its period by name', async () => {
  const csv = (map: string) => `user_id,m\nu1,"${map.replaceAll('"', '""')}"\n`;
  await using w = await world(
    {
      body: ({ from }) => ({
        bytes: csv(from.date.startsWith(day(1)) ? '{"gpt":1,"gpt":2}' : '{"gpt":1.5}'),
        recordCount: 1,
      }),
    },
    'window: { grain: day }, columns: { types: { m: map } }',
  );
  const { errors } = await w.run('run', 'j', ...firstDays(2));
  expect(errors.get(day(1))?.message).toContain('column "m", row 1');
  expect(await w.warehouse.sql(`SELECT TO_JSON(m) AS m FROM ${w.warehouse.table('t')}`)).toEqual([
    { m: '{"gpt":1.5}' },
  ]);
});

test("a year of days takes at most 8 blocks after the morning's own batch", async () => {
  await using w = await world(same('user_id,messages_total\nu1,5\n'), 'window: { grain: day, lookback: 3 }');
  const { exit, outcomes } = await w.run('backfill', 'j', '--from', '2025-01-01', '--to', '2025-12-31');
  expect({ exit, outcomes }).toEqual({ exit: 0, outcomes: { loaded: 365 } });
  const { proxy } = w.warehouse;
  for (const kind of ['PUT', 'COPY', 'BLOCK'] as const) expect(proxy.count(kind)).toBeLessThanOrEqual(8);
  expect(proxy.count('WITH')).toBeLessThanOrEqual(3);
});

test('two runs at once for different periods of one table both end well', async () => {
  await using w = await world(same('user_id,messages_total\nu1,5\n'), 'window: { grain: day }');
  await w.run('run', 'j', ...firstDays(1));
  for (let round = 0; round < 2; round++) {
    const runs = [1, 2].map((n) => w.run('backfill', 'j', '--all', '--from', day(n), '--to', day(n)));
    for (const { exit } of await Promise.all(runs)) expect(exit).toBe(0);
  }
  const [row] = await w.warehouse.sql(
    `SELECT COUNT(*) AS n, COUNT(DISTINCT _period_key) AS k FROM ${w.warehouse.table('t')}`,
  );
  expect(row).toEqual({ n: 3, k: 3 });
});

test('the driver writes nothing: not to the output, not where the process stands, not beside the spool', async () => {
  await using w = await world(same('user_id,messages_total\nu1,5\n'), 'window: { grain: day }');
  const standing = w.place.at('standing');
  const temporary = w.place.at('temporary');
  const home = w.place.at('home');
  for (const path of [standing, temporary, home]) mkdirSync(path);
  chmodSync(standing, 0o555);
  const words = ['run', 'j', ...firstDays(1), '-c', w.place.at('exportd.yaml'), '-o', 'json'];
  const { exit, stdout, stderr } = await start(words, { TMPDIR: temporary, HOME: home }, standing).ended;
  expect(exit).toBe(0);
  // Every line is one of exportd's own events.
  expect(told(stdout).outcomes).toEqual({ loaded: 1 });
  expect(stderr).not.toMatch(/snowflake-sdk|\[\d+:\d+:\d+/);
  expect([standing, temporary, home].flatMap((path) => readdirSync(path))).toEqual([]);
});
