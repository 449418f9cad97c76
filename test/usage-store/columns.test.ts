import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATA_TYPES, GROUPINGS, reportName } from '../../src/core/contract.ts';
import type { DataType, GroupBy, Report } from '../../src/core/words.ts';
import { reportQuery } from '../../src/usage-store/index.ts';
import { initStore } from '../../src/usage-store/migrations.ts';
import type { WorkspaceSettings } from '../../src/usage-store/workspace.ts';
import { type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { storeClient } from './client.ts';

/** The contract's columns, written down once more: P identifies a person, R is a rank, B is for those with own keys. */
const COLUMNS: Readonly<Record<DataType, string>> = {
  users: `
    user_id String P
    name Nullable(String) P
    email Nullable(String) P
    role Nullable(String) P
    department Nullable(String) P
    company_name Nullable(String) P
    license_type Nullable(String) P
    joined_at Nullable(Date32) P
    payg_limit_current Nullable(Decimal(38,9))
    payg_utilization_pct_current Nullable(Decimal(38,9))
    payg_consumption_in_period Decimal(38,9)
    messages_total Int64
    messages_chat Int64
    messages_assistants Int64
    messages_projects Int64
    messages_total_rank Int64 R
    messages_chat_rank Int64 R
    messages_assistants_rank Int64 R
    messages_projects_rank Int64 R
    assistants_messaged Int64
    projects_messaged Int64
    action_messages Int64
    action_messaged Int64
    assistants_to_messages String
    projects_to_messages String
    model_to_messages_total String
    action_to_messages String`,
  agents: `
    assistant_id String
    assistant_name Nullable(String)
    messages Int64
    unique_users Int64
    active_users Int64
    conversations Int64
    messages_per_user Nullable(Float64)
    assistant_description Nullable(String) P
    assistant_url Nullable(String) P
    assistant_owner_id Nullable(String) P
    assistant_owner_email Nullable(String) P
    sum_prompt_tokens Int64 B
    sum_completion_tokens Int64 B
    avg_prompt_tokens Float64 B
    avg_completion_tokens Float64 B`,
  'api-keys': `
    api_key_id String
    api_key_name Nullable(String)
    requests Int64
    total_cost_usd Decimal(38,9)
    sum_prompt_tokens Int64 B
    sum_completion_tokens Int64 B
    cached_prompt_tokens Int64 B
    cache_creation_tokens Int64 B
    no_cache_tokens Int64 B`,
  projects: `
    project_id String
    project_name Nullable(String)
    project_owner_id Nullable(String) P
    project_owner_email Nullable(String) P
    messages Int64`,
  models: `
    name String
    provider Nullable(String)
    bring_your_keys Bool
    requests Int64
    sum_prompt_tokens Int64 B
    sum_completion_tokens Int64 B
    sum_cached_prompt_tokens Int64 B
    sum_cache_creation_tokens Int64 B
    no_cache_tokens Int64 B
    total_cost_usd Decimal(38,9) B`,
};

const REPORTS: readonly Report[] = DATA_TYPES.flatMap((dataType) =>
  [undefined, ...GROUPINGS[dataType]].map((groupBy) => ({ dataType, groupBy })),
);
const EVERYTHING: WorkspaceSettings = { userLevelData: true, leaderboards: true, byok: true };
const EVERY_SETTING = [true, false].flatMap((userLevelData) =>
  [true, false].flatMap((leaderboards) => [true, false].map((byok) => ({ userLevelData, leaderboards, byok }))),
);

/** `name type` of the columns that the contract gives a workspace. */
function columnsBy(contract: string, groupBy: GroupBy | undefined, settings: WorkspaceSettings): string[] {
  const own = contract.trim().split('\n');
  const kept = own.filter((line) => {
    const mark = / ([PRB])$/.exec(line)?.[1];
    if (mark === 'P') return settings.userLevelData;
    if (mark === 'R') return settings.leaderboards;
    return mark !== 'B' || settings.byok;
  });
  const always = ['period_start Date32', 'period_end Date32', 'org_id String'];
  const group = groupBy === undefined ? [] : [`${groupBy} String`];
  return [...always, ...group, ...kept.map((line) => line.trim().replace(/ [PRB]$/, ''))];
}

function query(dataType: DataType, groupBy: GroupBy | undefined, settings: WorkspaceSettings) {
  const from = Date.parse('2026-11-23');
  const report = { dataType, groupBy };
  return reportQuery({ report, from, to: from + 86_399_999, workspace: 'acme', settings });
}

describe('a report', () => {
  let server: ClickHouseServer;
  beforeAll(async () => {
    server = await startClickHouse();
    await initStore(storeClient(server));
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  test.each(REPORTS.map((report) => [reportName(report), report] as const))(
    'of %s has the columns that a workspace’s settings leave, in the contract’s own types',
    async (_, report) => {
      const { dataType, groupBy } = report;
      for (const settings of EVERY_SETTING) {
        if (groupBy === 'deployment' && !settings.byok) continue;
        const { sql, parameters } = query(dataType, groupBy, settings);
        const answer = await storeClient(server).rows<{ name: string; type: string }>(
          `DESCRIBE TABLE (${sql})`,
          parameters,
        );
        const columns = answer.map(({ name, type }) => `${name} ${type.replaceAll(', ', ',')}`);
        expect(columns, JSON.stringify(settings)).toEqual(columnsBy(COLUMNS[dataType], groupBy, settings));
      }
    },
  );

  test.each([
    ['users', 'source'],
    ['users', 'deployment'],
    ['agents', 'deployment'],
    ['api-keys', 'source'],
    ['projects', 'model'],
    ['models', 'model'],
  ] as const)('of %s by %s is refused as the API refuses it', (dataType, groupBy) => {
    expect(() => query(dataType, groupBy, EVERYTHING)).toThrow(
      expect.objectContaining({
        code: 'BAD_REQUEST',
        message: `group_by=${groupBy} is not supported for ${dataType} exports`,
      }),
    );
  });

  test('of models by deployment is refused to a workspace that does not bring its own keys', () => {
    expect(() => query('models', 'deployment', { ...EVERYTHING, byok: false })).toThrow(
      expect.objectContaining({
        code: 'BAD_REQUEST',
        message: 'group_by=deployment is not supported for models exports',
      }),
    );
  });

  test('of the same usage is the same bytes, in the order of what rows are about, however it came and is stored', async () => {
    const usage = `SELECT
        'acme' AS org_id, toDateTime64('2026-11-23', 6, 'UTC') + INTERVAL number * 1700 MICROSECOND AS ts,
        concat('u', toString(cityHash64(number, 1) % 3000)) AS user_id, concat('m', toString(cityHash64(number, 2) % 5)) AS model_id,
        if(cityHash64(number, 3) % 3 = 0, concat('a', toString(cityHash64(number, 4) % 40)), '') AS assistant_id,
        if(cityHash64(number, 5) % 9 = 0, concat('p', toString(cityHash64(number, 6) % 10)), '') AS project_id,
        ['WEB', 'MOBILE', 'SLACK'][1 + cityHash64(number, 7) % 3] AS source, toString(intDiv(number, 4)) AS conversation_id,
        if(cityHash64(number, 8) % 2 = 0, 'k1', '') AS api_key_id, cityHash64(number, 9) % 4000 AS no_cache_tokens,
        cityHash64(number, 10) % 900 AS completion_tokens, toDecimal64(cityHash64(number, 11) % 1000000, 0) / 1000000000 AS cost_usd
      FROM numbers(40000)`;
    const columns = `org_id, ts, user_id, model_id, assistant_id, project_id, source, conversation_id, api_key_id, no_cache_tokens, completion_tokens, cost_usd`;
    const digests: string[][] = [];
    for (const [database, parts] of [
      ['in_order', ['1']],
      ['in_any_order', ['number % 3 = 2', 'number % 3 = 0', 'number % 3 = 1']],
    ] as const) {
      await server.query(`CREATE DATABASE ${database}`);
      const store = storeClient(server, database);
      await initStore(store);
      await store.command('SYSTEM STOP MERGES usage_events');
      for (const part of parts) {
        await store.command(
          `INSERT INTO usage_events (${columns}) SELECT ${columns} FROM (${usage} WHERE ${part}) ORDER BY cityHash64(ts, '${part}')`,
        );
      }
      digests.push(
        await Promise.all(
          DATA_TYPES.map(async (dataType) => {
            const { sql, parameters } = query(dataType, GROUPINGS[dataType][0], EVERYTHING);
            return await server.query(`${sql} FORMAT JSONCompactEachRow`, parameters as never, database);
          }),
        ),
      );
    }
    const [ordered, anyhow] = digests;
    expect(ordered?.map((rows) => rows.split('\n').length)).toEqual([13_961, 200, 5, 10, 15]);
    expect(anyhow?.map((rows, n) => rows === ordered?.[n])).toEqual([true, true, true, true, true]);
    const entities = ordered?.map((rows, n) => {
      const at = GROUPINGS[DATA_TYPES[n] ?? 'users'].length === 0 ? 3 : 4;
      return rows.split('\n').map((row) => String((JSON.parse(row) as unknown[])[at]));
    });
    expect(entities).toEqual(entities?.map((ids) => ids.toSorted()));
  });
});
