import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { openClickHouseSource } from '../../src/sources/clickhouse/index.ts';
import { createPace } from '../../src/sources/pace.ts';
import { initStore } from '../../src/usage-store/migrations.ts';
import { sourceContract, type Usage } from '../contract/source.ts';
import { type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { startTcpProxy } from '../engines/tcp-proxy.ts';
import { storeClient } from '../usage-store/client.ts';

let server: ClickHouseServer;
beforeAll(async () => {
  server = await startClickHouse();
  await initStore(storeClient(server));
});
afterAll(async () => await server[Symbol.asyncDispose]());

/** As many messages as the usage says, a millisecond apart, from the first instant of each day on. */
async function insert(org: string, usage: Usage): Promise<void> {
  await server.query(`INSERT INTO workspaces (org_id, name) FORMAT JSONEachRow ${JSON.stringify({ org_id: org })}`);
  const counts = Object.entries(usage).flatMap(([date, rows]) =>
    rows.map(({ user_id, messages_total }) => JSON.stringify({ date, user_id, n: Number(messages_total) })),
  );
  await server.query(
    `INSERT INTO usage_events (org_id, ts, user_id, model_id)
     SELECT {org:String}, toDateTime64(date, 6, 'UTC') + INTERVAL arrayJoin(range(n)) MILLISECOND, user_id, 'm'
     FROM format(JSONEachRow, 'date Date, user_id String, n UInt32', ${literal(counts.join('\n'))})`,
    { org },
  );
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

sourceContract('clickhouse', '12', async (usage) => {
  const org = randomUUID();
  await insert(org, usage);
  const proxy = await startTcpProxy(server.port);
  return {
    open: ({ history, clock }) =>
      openClickHouseSource({
        name: 'store',
        url: `http://127.0.0.1:${proxy.port}`,
        username: 'default',
        password: undefined,
        jwt: undefined,
        database: 'default',
        workspace: org,
        settings: {},
        timeout: 10_000,
        history,
        pace: createPace({ rate: undefined, concurrency: 4 }),
        clock,
      }),
    requests: () => proxy.connections,
    hang: () => proxy.hang(),
    answer: () => proxy.answer(),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
});
