import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportQuery } from '../../src/usage-store/index.ts';
import { initStore } from '../../src/usage-store/migrations.ts';
import { readWorkspace } from '../../src/usage-store/workspace.ts';
import { type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { storeClient } from './client.ts';

const DOC = readFileSync(new URL('../../docs/usage-store.md', import.meta.url), 'utf8');

describe('docs/usage-store.md', () => {
  let server: ClickHouseServer;
  beforeAll(async () => {
    server = await startClickHouse();
    await server.query('CREATE DATABASE usage');
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  test('has every column of every table', async () => {
    await server.query('CREATE DATABASE whole');
    const store = storeClient(server, 'whole');
    await initStore(store);
    const columns = await store.rows<{ table: string; name: string }>(
      `SELECT table, name FROM system.columns WHERE database = 'whole' AND table != 'store_versions'`,
    );
    expect(columns.length).toBeGreaterThan(40);
    const isTold = ({ table, name }: { table: string; name: string }) =>
      (DOC.includes(`\`${table}\``) || DOC.includes(`### ${table}\n`)) && DOC.includes(`\`${name}\``);
    const undocumented = columns.filter((column) => !isTold(column));
    expect(undocumented).toEqual([]);
  });

  test('shows a view over tables of one’s own that reports can be made from', async () => {
    await server.query('CREATE DATABASE product');
    await server.query(
      `CREATE TABLE product.requests (tenant String, happened_at DateTime64(6, 'UTC'), written_at DateTime64(6, 'UTC'),
         person Nullable(String), model String, client String, agent Nullable(String), thread String, tool Nullable(String),
         tokens_in UInt32, tokens_out UInt32, price Float64) ENGINE = MergeTree ORDER BY happened_at`,
    );
    await server.query(
      `INSERT INTO product.requests SELECT 'acme', '2026-11-23 10:00:00', now64(6), 'u1', 'm1', 'web', NULL, 't1', NULL, 10, 20, 0.25`,
    );
    await server.query(/```sql\n(CREATE VIEW [\s\S]*?);\n```/.exec(DOC)?.[1] ?? '');
    const store = storeClient(server, 'usage');
    await initStore(store);
    await store.command(`INSERT INTO workspaces (org_id, name) VALUES ('acme', 'Acme')`);
    const settings = await readWorkspace(store, 'acme');
    const from = Date.parse('2026-11-23');
    for (const dataType of ['users', 'models'] as const) {
      const report = { dataType, groupBy: undefined };
      const { sql, parameters } = reportQuery({ report, from, to: from + 86_399_999, workspace: 'acme', settings });
      const rows = await store.rows<Record<string, unknown>>(sql, parameters);
      expect(rows).toMatchObject([
        dataType === 'users' ? { user_id: 'u1', messages_chat: 1 } : { name: 'm1', requests: 1 },
      ]);
      expect(rows).toHaveLength(1);
    }
  });
});
