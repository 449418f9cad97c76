import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initStore, STORE_VERSION } from '../../src/usage-store/migrations.ts';
import { exportd, folder } from '../cli/exportd.ts';
import { type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { storeClient } from './client.ts';

describe('exportd store init', () => {
  let server: ClickHouseServer;
  beforeAll(async () => {
    server = await startClickHouse();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  async function newDatabase(): Promise<string> {
    const database = `store_${randomUUID().replaceAll('-', '')}`;
    await server.query(`CREATE DATABASE ${database}`);
    return database;
  }

  const tablesOf = async (database: string) =>
    (await server.query(`SHOW TABLES FROM ${database}`)).split('\n').filter((name) => name !== '');

  const configOf = (database: string, more = '') =>
    folder({
      'exportd.yaml': `version: 1
sources:
  store: { type: clickhouse, url: "${server.url}", database: ${database}, workspace: acme }
${more}`,
    });

  test('makes the tables, and changes nothing where they are there', async () => {
    const database = await newDatabase();
    using place = configOf(database);
    const config = ['--config', place.at('exportd.yaml')];
    expect(await exportd(['store', 'init', ...config])).toMatchObject({
      exit: 0,
      stdout: `store: the tables of the usage store were made, version ${STORE_VERSION}\n`,
    });
    const tables = await tablesOf(database);
    expect(tables).toContain('usage_events');
    expect(await exportd(['store', 'init', 'store', ...config])).toMatchObject({
      exit: 0,
      stdout: `store: the usage store is of version ${STORE_VERSION} already; nothing was changed\n`,
    });
    expect(await tablesOf(database)).toEqual(tables);
  });

  test('goes on where it was killed between two statements', async () => {
    const database = await newDatabase();
    const client = storeClient(server, database);
    let left = 4;
    const dying = {
      ...client,
      async command(...given: Parameters<typeof client.command>) {
        if (left-- === 0) throw new Error('killed');
        await client.command(...given);
      },
    };
    await expect(initStore(dying)).rejects.toThrow('killed');
    expect(await initStore(client)).toEqual({ from: 0, to: STORE_VERSION });
    expect(await initStore(client)).toEqual({ from: STORE_VERSION, to: STORE_VERSION });
  });

  test('two at once make one store', async () => {
    const database = await newDatabase();
    await Promise.all([initStore(storeClient(server, database)), initStore(storeClient(server, database))]);
    expect(await initStore(storeClient(server, database))).toEqual({ from: STORE_VERSION, to: STORE_VERSION });
  });

  test('leaves a store of a newer version alone', async () => {
    const database = await newDatabase();
    const client = storeClient(server, database);
    await initStore(client);
    await client.command('INSERT INTO store_versions (version) VALUES (999)');
    expect(await initStore(client)).toEqual({ from: 999, to: 999 });
  });

  test('leaves views that a team has put in the place of tables', async () => {
    const database = await newDatabase();
    await server.query(`CREATE VIEW ${database}.users AS SELECT 'acme' AS org_id`);
    await initStore(storeClient(server, database));
    expect(
      await server.query(`SELECT engine FROM system.tables WHERE database = '${database}' AND name = 'users'`),
    ).toBe('View');
  });

  test('says which sources there are where none is meant, or another', async () => {
    using place = configOf('default', `  other: { type: clickhouse, url: "${server.url}", workspace: beta }\n`);
    const config = ['--config', place.at('exportd.yaml')];
    const unnamed = await exportd(['store', 'init', ...config]);
    expect([unnamed.exit, unnamed.stderr]).toEqual([2, expect.stringContaining('they are store and other')]);
    const unknown = await exportd(['store', 'init', 'stor', ...config]);
    expect([unknown.exit, unknown.stderr]).toEqual([2, expect.stringContaining('there is no source "stor"')]);
  });
});
