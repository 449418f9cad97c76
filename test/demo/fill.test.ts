import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FillOptions, fill } from '../../demo/store/fill.ts';
import { openClickHouse } from '../../src/clickhouse/connect.ts';
import { initStore } from '../../src/usage-store/migrations.ts';
import { type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { storeClient } from '../usage-store/client.ts';

const LAST = '2026-11-24';
const NOW = Date.parse('2026-11-25T08:00:00Z');
const HOUR = 3_600_000;

describe('the usage of the demo', () => {
  let server: ClickHouseServer;
  beforeAll(async () => {
    server = await startClickHouse();
    await make('one');
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  async function make(database: string, wishes: Partial<FillOptions> = {}) {
    await server.query(`CREATE DATABASE ${database}`);
    await using client = openClickHouse({
      url: server.url,
      username: 'default',
      password: undefined,
      jwt: undefined,
      database,
      settings: {},
      timeout: 60_000,
    });
    await initStore(client);
    const filled = await fill(client, { org: 'acme', seed: 7, last: LAST, days: 200, users: 60, now: NOW, ...wishes });
    return { ...filled, late: wishes.outage === undefined ? 0 : await filled.arrive(wishes.outage.over) };
  }

  async function rows<T>(sql: string, database = 'one'): Promise<T[]> {
    return await storeClient(server, database).rows<T>(sql);
  }

  const sum = async (database: string) => {
    const digest = (table: string, columns: string) => `(SELECT toString(sum(cityHash64(${columns}))) FROM ${table})`;
    return await rows(
      `SELECT ${digest('usage_events', '*')} AS events, ${digest('users', 'user_id, name, joined_at, left_at')} AS users`,
      database,
    );
  };

  test('is the same for the same seed, and another for another', async () => {
    await make('again');
    await make('other', { seed: 8 });
    expect(await sum('again')).toEqual(await sum('one'));
    expect(await sum('other')).not.toEqual(await sum('one'));
  });

  test('has the shape of office work: weekends are quiet, nights are quiet, and it grows', async () => {
    const [shape] = await rows<Record<string, number>>(
      `SELECT countIf(toDayOfWeek(ts) <= 5) / 5 / countIf(toDayOfWeek(ts) > 5) * 2 AS weekdays,
         countIf(toHour(ts, 'Europe/Berlin') BETWEEN 8 AND 17) / count() AS office,
         countIf(ts >= toDateTime64('${LAST}', 6, 'UTC') - INTERVAL 60 DAY) / countIf(ts < toDateTime64('${LAST}', 6, 'UTC') - INTERVAL 139 DAY) AS growth
       FROM usage_events WHERE user_id != ''`,
    );
    expect(shape?.weekdays).toBeGreaterThan(4);
    expect(shape?.office).toBeGreaterThan(0.75);
    expect(shape?.growth).toBeGreaterThan(1.1);
  });

  test('has people with difficult names, who join and leave, and nobody says anything before or after', async () => {
    const [found] = await rows<{ names: string[]; left: number; strays: string }>(
      `SELECT groupUniqArray(name) AS names, uniqExactIf(user_id, left_at IS NOT NULL) AS left,
         (SELECT count() FROM usage_events e JOIN users u ON u.user_id = e.user_id
          WHERE toDate(ts, 'Europe/Berlin') < u.joined_at OR toDate(ts, 'Europe/Berlin') >= u.left_at) AS strays
       FROM users`,
    );
    const names = found?.names.join('\n') ?? '';
    for (const part of ['"Zed"', "O'Neill", 'José\nMaría', '👩🏽‍💻', '李小龍']) expect(names).toContain(part);
    expect(Number(found?.left)).toBeGreaterThan(2);
    expect(Number(found?.strays)).toBe(0);
  });

  test('has several models, of which one gives way to another, sources, deployments, keys and an agent that was renamed', async () => {
    const [found] = await rows<Record<string, unknown>>(
      `SELECT uniqExact(model_id) AS models, uniqExact(source) AS sources, uniqExact(deployment) > uniqExact(model_id) AS deployments,
         uniqExactIf(api_key_id, api_key_id != '') AS keys, maxIf(ts, model_id = 'basalt-3') < now64(6) - 1 AS retired,
         (SELECT max(names) FROM (SELECT uniqExact(name) AS names FROM assistants GROUP BY assistant_id)) AS agent_names,
         (SELECT byok FROM workspaces) AS byok
       FROM usage_events`,
    );
    expect(found).toMatchObject({ deployments: 1, retired: 1, byok: true });
    expect(Number(found?.models)).toBe(6);
    expect(Number(found?.sources)).toBe(5);
    expect(Number(found?.keys)).toBeGreaterThan(3);
    expect(Number(found?.agent_names)).toBe(2);
  });

  test('arrives late where phones had no network: nothing of it before, all of it after', async () => {
    const outage = { from: Date.parse('2026-11-23T11:00Z'), to: Date.parse('2026-11-24T20:00Z'), over: NOW + HOUR };
    const { late } = await make('late', { outage });
    expect(late).toBeGreaterThan(20);
    const [counted] = await rows<{ whole: string; there: string }>(
      `SELECT (SELECT count() FROM one.usage_events) AS whole,
         countIf(received_at <= toDateTime64('2026-11-25 08:00:00', 6, 'UTC')) AS there FROM usage_events`,
      'late',
    );
    expect(Number(counted?.there)).toBeLessThan(Number(counted?.whole));
  });

  test('costs what its tokens cost, to the billionth', async () => {
    const [found] = await rows<{ odd: string }>(
      `SELECT count() AS odd FROM usage_events WHERE model_id = 'aurora-4'
         AND cost_usd != toDecimal64(cached_prompt_tokens * 1250 + (cache_creation_tokens + no_cache_tokens) * 2500
           + completion_tokens * 10000, 0) * toDecimal64('0.000000001', 9)`,
    );
    expect(Number(found?.odd)).toBe(0);
  });
});
