import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initStore, MIGRATIONS, requireVersion, STORE_VERSION } from '../../src/usage-store/migrations.ts';
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

  test('upgrades a store with what came after its version, and goes on where that was killed', async () => {
    const database = await newDatabase();
    const client = storeClient(server, database);
    const next = STORE_VERSION + 1;
    using place = folder({
      'next.sql': `-- A column more; then a table.
ALTER TABLE users ADD COLUMN IF NOT EXISTS shoe_size UInt8;
CREATE TABLE IF NOT EXISTS shoes (size UInt8) ENGINE = MergeTree ORDER BY size;
`,
    });
    const later = [...MIGRATIONS, { version: next, file: pathToFileURL(place.at('next.sql')) }];
    await initStore(client);
    await client.command(`INSERT INTO users (org_id, user_id, name) VALUES ('acme', 'u1', 'Ada')`);

    const sent: string[] = [];
    const dying = {
      ...client,
      async command(...given: Parameters<typeof client.command>) {
        sent.push(given[0]);
        if (given[0].includes('TABLE IF NOT EXISTS shoes')) throw new Error('killed');
        await client.command(...given);
      },
    };
    await expect(initStore(dying, later)).rejects.toThrow('killed');
    expect(sent.filter((statement) => statement.includes('usage_events'))).toEqual([]);
    await expect(requireVersion(client, undefined, next)).rejects.toMatchObject({
      code: 'STORE_OUTDATED',
      message: `the ClickHouse database is of version ${STORE_VERSION}; this exportd reads version ${next}`,
      hint: expect.stringContaining('exportd store init'),
    });

    expect(await initStore(client, later)).toEqual({ from: STORE_VERSION, to: next });
    expect(await client.rows('SELECT name, shoe_size FROM users')).toEqual([{ name: 'Ada', shoe_size: 0 }]);
    await requireVersion(client, undefined, next);
    await requireVersion(client);
  });

  test('is asked for its version once by a reader, and again only for as long as it is too old', async () => {
    const client = storeClient(server, await newDatabase());
    let questions = 0;
    const asking = {
      ...client,
      async rows<T>(...given: Parameters<typeof client.rows>) {
        questions += 1;
        return await client.rows<T>(...given);
      },
    };
    await expect(requireVersion(asking)).rejects.toMatchObject({ code: 'STORE_OUTDATED' });
    await initStore(client);
    await requireVersion(asking);
    const asked = questions;
    await requireVersion(asking);
    expect(questions).toBe(asked);
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
