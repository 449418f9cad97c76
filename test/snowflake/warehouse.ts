/** Snowflake schemas for tests, on the emulator or on Snowflake itself, and how another process opens the same one. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../src/core/secret.ts';
import type { Destination } from '../../src/destinations/destination.ts';
import type { Place } from '../../src/destinations/snowflake/connect.ts';
import { openSnowflake, type SnowflakeOptions } from '../../src/destinations/snowflake/index.ts';
import { type Engine, openEngine } from '../../src/duckdb/engine.ts';
import type { Warehouse } from '../contract/destination.ts';
import { enter } from './person.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

export interface SnowflakeWarehouse extends Warehouse {
  readonly place: Place;
  openWith(options: Partial<SnowflakeOptions>): Destination;
}

export interface EmulatedWarehouse extends SnowflakeWarehouse {
  /** What its destinations go through. */
  readonly proxy: FaultProxy;
}

/** A database of its own on the emulator, behind a proxy that a test can plant faults in. */
export async function snowflakeWarehouse(url: string): Promise<EmulatedWarehouse> {
  const proxy = await startFaultProxy(url);
  const account = { account: 'test', user: 'exportd', role: undefined, warehouse: 'wh', password: 'none' };
  const warehouse = await openWarehouse({ ...account, url: proxy.url, database: `d_${unique()}` }, url);
  return {
    ...warehouse,
    proxy,
    async [Symbol.asyncDispose]() {
      proxy.fault = () => undefined;
      await warehouse[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** A schema of its own in $SNOWFLAKE_DATABASE; it is dropped afterwards. */
export async function realWarehouse(): Promise<SnowflakeWarehouse> {
  const { env } = process;
  const { SNOWFLAKE_ACCOUNT: account = '', SNOWFLAKE_USER: user = '', SNOWFLAKE_DATABASE: database = '' } = env;
  return await openWarehouse({
    account,
    user,
    database,
    url: undefined,
    role: env.SNOWFLAKE_ROLE,
    warehouse: env.SNOWFLAKE_WAREHOUSE,
    keyFile: env.SNOWFLAKE_KEY_FILE ?? '',
  });
}

interface Account extends Pick<Place, 'account' | 'user' | 'role' | 'warehouse' | 'database' | 'url'> {
  readonly password?: string;
  readonly keyFile?: string;
}

/** `directly`: where a person goes, past the proxy. */
async function openWarehouse(
  { password, keyFile, ...account }: Account,
  directly?: string,
): Promise<SnowflakeWarehouse> {
  const folder = await mkdtemp(join(tmpdir(), 'exportd-snowflake-'));
  const engine = await testEngine(folder);
  const { database } = account;
  const place: PlainPlace = { name: 'sf', ...account, schema: `s_${unique()}`, password, keyFile };
  const schema = `${database}.${place.schema}`;
  const person = await enter({
    account: account.account,
    // Not exportd's, whose sessions a test may end.
    username: directly === undefined ? (account.user ?? '') : 'person',
    ...(directly === undefined ? {} : { accessUrl: directly }),
    ...(account.role === undefined ? {} : { role: account.role }),
    ...(account.warehouse === undefined ? {} : { warehouse: account.warehouse }),
    ...(keyFile === undefined
      ? { password: password ?? '' }
      : { authenticator: 'SNOWFLAKE_JWT', privateKeyPath: keyFile }),
  });
  if (directly === undefined) {
    await person.sql("ALTER SESSION SET TIMEZONE = 'UTC' TIMESTAMP_TZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF6TZH'");
  } else await person.sql(`CREATE DATABASE ${database}`);
  await person.sql(`CREATE SCHEMA ${schema}`);
  const openWith = (options: Partial<SnowflakeOptions>) => openSnowflake({ ...defaults(place), ...options });
  return {
    engine,
    folder,
    place: placeOf(place),
    openWith,
    open: ({ instance, now } = {}) =>
      openWith({
        ...(instance === undefined ? {} : { instance }),
        ...(now === undefined ? {} : { clock: () => now }),
      }),
    words: { text: 'VARCHAR', textOfMap: (column) => `TO_JSON(${column})` },
    table: (name) => `${schema}.${name}`,
    touched: async () => {
      const tables = `SELECT COUNT(*) AS n FROM ${database}.INFORMATION_SCHEMA.TABLES WHERE table_schema = '${place.schema.toUpperCase()}'`;
      return Number((await person.sql(tables))[0]?.n) > 0;
    },
    elsewhere: { module: import.meta.url, options: { place, folder } },
    sql: (statement) => person.sql(statement),
    async [Symbol.asyncDispose]() {
      await person.sql(`DROP SCHEMA ${schema} CASCADE`);
      person.leave();
      await engine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** As it goes to another process. */
export interface PlainPlace extends Omit<Place, 'credentials'> {
  readonly password: string | undefined;
  readonly keyFile: string | undefined;
}

function placeOf({ password, keyFile, ...place }: PlainPlace): Place {
  const credentials =
    keyFile === undefined
      ? ({ by: 'password', password: new Secret(password ?? '') } as const)
      : ({ by: 'key file', path: keyFile, passphrase: undefined } as const);
  return { ...place, credentials };
}

export async function openFor(options: unknown): Promise<{ destination: Destination; engine: Engine; folder: string }> {
  const { place, folder } = options as { place: PlainPlace; folder: string };
  return { destination: openSnowflake(defaults(place)), engine: await testEngine(folder), folder };
}

async function testEngine(folder: string): Promise<Engine> {
  return await openEngine({ memoryLimit: 512_000_000, temporaryDirectory: join(folder, 'temporary') });
}

function unique(): string {
  return randomUUID().replaceAll('-', '_');
}

function defaults(place: PlainPlace): SnowflakeOptions {
  return {
    place: placeOf(place),
    settings: { transient: false, queryTag: undefined },
    application: 'exportd-test',
    instance: 'here/00000001',
    clock: Date.now,
  };
}
