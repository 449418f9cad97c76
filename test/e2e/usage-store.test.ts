/** The main job with the usage store as its source: real ClickHouse, Parquet, a DuckDB file. */
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { initStore } from '../../src/usage-store/migrations.ts';
import { exportd, type Folder, folder } from '../cli/exportd.ts';
import { type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { storeClient } from '../usage-store/client.ts';

let server: ClickHouseServer;
let place: Folder;
beforeAll(async () => {
  server = await startClickHouse();
  await initStore(storeClient(server));
  await server.query(`INSERT INTO workspaces (org_id, name) VALUES ('acme', 'Acme')`);
  await server.query(
    `INSERT INTO users (org_id, user_id, name, email) VALUES ('acme', 'u1', 'Zoë "Z" 🐙', 'zoe@acme.example')`,
  );
  await say('2026-03-02 08:00:00', 'u1');
  await say('2026-03-02 09:00:00', 'u2');
  await say('2026-03-03 22:59:59.999999', 'u1');
  await say('2026-03-03 23:00:00', 'u1');
  place = folder({
    'exportd.yaml': `version: 1
sources:
  store: { type: clickhouse, url: "${server.url}", workspace: acme }
  tight: { type: clickhouse, url: "${server.url}", workspace: acme, settings: { max_memory_usage: 2MB } }
destinations:
  local: { type: duckdb, path: ./out.duckdb }
jobs:
  tight:
    source: tight
    destination: local
    data_type: users
    window: { grain: day }
    retries: { max_attempts: 2, min_delay: 0s }
  j:
    source: store
    destination: local
    data_type: users
    group_by: model
    timezone: Europe/Berlin
    window: { grain: day, lookback: 1 }
    table: t
`,
  });
});
afterAll(async () => {
  place[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

async function say(at: string, user: string): Promise<void> {
  await server.query(
    `INSERT INTO usage_events (org_id, ts, user_id, model_id, cost_usd) VALUES ('acme', '${at}', '${user}', 'm', 0.000000001)`,
  );
}

async function run() {
  const { exit, document } = await runOf('j');
  const outcomes = Object.entries(document.outcomes).filter(([, count]) => count > 0);
  return { exit, outcomes: Object.fromEntries(outcomes) };
}

async function runOf(job: string) {
  const dates = ['--from', '2026-03-01', '--to', '2026-03-04'];
  const { exit, stdout, stderr } = await exportd([
    'run',
    job,
    ...dates,
    '-o',
    'json',
    '--config',
    place.at('exportd.yaml'),
  ]);
  const document = JSON.parse(stdout) as {
    outcomes: Record<string, number>;
    periods: { outcome: string; error: { code: string; message: string } | null }[];
  };
  return { exit, document, log: stderr };
}

async function query(sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(place.at('out.duckdb'), { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test('days land from the store itself, are left alone while nothing changes, and restated where events come late', async () => {
  expect(await run()).toEqual({ exit: 0, outcomes: { loaded: 3, empty: 1 } });
  expect(
    await query('SELECT _period_date, user_id, name, messages_total, payg_consumption_in_period FROM t ORDER BY ALL'),
  ).toEqual([
    ['2026-03-02', 'u1', 'Zoë "Z" 🐙', '1', '0.000000001'],
    ['2026-03-02', 'u2', null, '1', '0.000000001'],
    ['2026-03-03', 'u1', 'Zoë "Z" 🐙', '1', '0.000000001'],
    ['2026-03-04', 'u1', 'Zoë "Z" 🐙', '1', '0.000000001'],
  ]);
  expect(
    await query('SELECT DISTINCT typeof(model_to_messages_total), typeof(period_start), typeof(messages_total) FROM t'),
  ).toEqual([['JSON', 'DATE', 'BIGINT']]);
  expect(await run()).toEqual({ exit: 0, outcomes: { unchanged: 3, empty: 1 } });

  await say('2026-03-02 08:30:00', 'u2');
  expect(await run()).toEqual({ exit: 0, outcomes: { loaded: 1, unchanged: 2, empty: 1 } });
  expect(await query(`SELECT messages_total FROM t WHERE _period_date = '2026-03-02' AND user_id = 'u2'`)).toEqual([
    ['2'],
  ]);
});

test('a workspace that switches user-level data off keeps its rows and loses what identifies people, from the next export on', async () => {
  await server.query(`INSERT INTO workspaces (org_id, name, user_level_data) VALUES ('acme', 'Acme', false)`);
  expect(await run()).toMatchObject({ exit: 0, outcomes: { loaded: 3 } });
  expect(await query('SELECT count(*), count(user_id), count(name), count(messages_total_rank) FROM t')).toEqual([
    ['4', '0', '0', '4'],
  ]);
});

test('a store without memory for a report is asked again, then its periods fail with its words, and nothing lands (case d15)', async () => {
  const { exit, document, log } = await runOf('tight');
  expect(exit).toBe(1);
  expect(log.match(/"period\.retrying"/g)).toHaveLength(4);
  const message = 'ClickHouse answered 241 MEMORY_LIMIT_EXCEEDED (database default)';
  expect(document.periods.map(({ outcome, error }) => ({ outcome, error }))).toEqual(
    Array(4).fill({ outcome: 'failed', error: expect.objectContaining({ code: 'SOURCE_ERROR', message }) }),
  );
  expect(await query(`SELECT count(*) FROM tight`)).toEqual([['0']]);
});
