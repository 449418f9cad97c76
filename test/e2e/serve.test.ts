/** A job against `serve` over a real store, through the days on which clocks change, beside the same job past the API. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportd, type Folder, folder } from '../cli/exportd.ts';
import type { ClickHouseServer } from '../engines/clickhouse.ts';
import { keyOf, openStore, openWorld, type World } from '../usage-api/world.ts';
import { queryFile, told } from './world.ts';

const DST_DAYS = [
  ['2026-03-29', '2026-03-30', [23, 24]],
  ['2026-10-25', '2026-10-26', [25, 24]],
] as const;

let store: ClickHouseServer;
let api: World;
let place: Folder;
beforeAll(async () => {
  store = await openStore();
  await store.query(`INSERT INTO workspaces (org_id, name) VALUES ('acme', 'Acme')`);
  await store.query(
    `INSERT INTO users (org_id, user_id, name, email) VALUES ('acme', 'u0', 'Zoë "Z", 🐙', 'zoe@acme.example')`,
  );
  // An event every half hour, and one in the last millisecond before it.
  for (const [first] of DST_DAYS) {
    await store.query(
      `INSERT INTO usage_events (org_id, ts, user_id, model_id, cost_usd)
       SELECT 'acme', toDateTime64({first:String}, 6, 'UTC') - INTERVAL 1 DAY + INTERVAL intDiv(number, 2) * 1800000 - number % 2 MILLISECOND, 'u' || number % 3, 'm', 0.1
       FROM numbers(2 * 48 * 6)`,
      { first: `${first} 00:00:00` },
    );
  }
  api = await openWorld(store);
  const job = (source: string, table: string) =>
    `  ${table}: { source: ${source}, destination: local, data_type: users, group_by: model, timezone: Europe/Berlin, window: { grain: day } }`;
  place = folder({
    'exportd.yaml': `version: 1
sources:
  csv: { type: export_api, base_url: "${api.url}", api_key: ${keyOf('acme')}, key: a, history: null, rate_limit: null }
  json: { type: export_api, base_url: "${api.url}", api_key: ${keyOf('acme')}, key: b, history: null, format: json, rate_limit: null }
  direct: { type: clickhouse, url: "${store.url}", workspace: acme, key: c }
destinations: { local: { type: duckdb, path: ./out.duckdb } }
jobs:
${['csv', 'json', 'direct'].map((source) => job(source, `t_${source}`)).join('\n')}
`,
  });
});
afterAll(async () => {
  expect(api.bugs).toEqual([]);
  place[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const query = (sql: string) => queryFile(place.at('out.duckdb'), sql);

test.each(DST_DAYS)(
  'from %s to %s nothing is lost or counted twice, and the table is that of the direct source',
  async (from, to, hours) => {
    const run = () => exportd(['run', '--from', from, '--to', to, '-o', 'json', '--config', place.at('exportd.yaml')]);
    expect(told((await run()).stdout)).toMatchObject({ outcomes: { loaded: 6 } });
    const days = `_period_date BETWEEN '${from}' AND '${to}'`;
    for (const table of ['t_csv', 't_json', 't_direct']) {
      expect(
        await query(
          `SELECT sum(messages_total), count(*) FROM ${table} WHERE ${days} GROUP BY _period_date ORDER BY _period_date`,
        ),
      ).toEqual(hours.map((each) => [String(each * 4), '3']));
      const rows = (of: string) =>
        `SELECT * EXCLUDE (_period_key, _source, _load_id, _extracted_at) FROM ${of} WHERE ${days}`;
      expect(await query(`SELECT count(*) FROM (${rows(table)} EXCEPT ALL ${rows('t_direct')})`)).toEqual([['0']]);
    }
    expect(told((await run()).stdout)).toMatchObject({ outcomes: { unchanged: 6 } });
  },
);
