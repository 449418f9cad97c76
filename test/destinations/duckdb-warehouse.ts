/** DuckDB files for tests, and how another process opens the same one. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Destination } from '../../src/destinations/destination.ts';
import { type DuckDbOptions, openDuckDb } from '../../src/destinations/duckdb/index.ts';
import { type Engine, openEngine } from '../../src/duckdb/engine.ts';
import type { Warehouse } from '../contract/destination.ts';

export interface DuckDbWarehouse extends Warehouse {
  readonly path: string;
  openWith(options: Partial<DuckDbOptions>): Destination;
}

export async function duckDbWarehouse(): Promise<DuckDbWarehouse> {
  const folder = await mkdtemp(join(tmpdir(), 'exportd-duckdb-'));
  const path = join(folder, 'data', 'usage.duckdb');
  const engine = await testEngine(folder);
  const openWith = (options: Partial<DuckDbOptions>) => openDuckDb({ ...defaults(path, engine), ...options });
  return {
    engine,
    folder,
    path,
    openWith,
    open: ({ instance, now } = {}) =>
      openWith({
        ...(instance === undefined ? {} : { instance }),
        ...(now === undefined ? {} : { clock: () => now }),
      }),
    words: { text: 'VARCHAR', textOfMap: (column) => `CAST(${column} AS VARCHAR)` },
    table: (name) => `main.${name}`,
    touched: async () => existsSync(join(folder, 'data')),
    elsewhere: { module: import.meta.url, options: { path, folder } },
    sql: (statement) => plainDuckDb(path, statement),
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** As a person has it: DuckDB on the file itself. */
async function plainDuckDb(path: string, statement: string): Promise<Record<string, unknown>[]> {
  await mkdir(dirname(path), { recursive: true });
  const instance = await DuckDBInstance.create(path);
  try {
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(statement);
    connection.closeSync();
    return reader.getRowObjectsJS();
  } finally {
    instance.closeSync();
  }
}

export async function openFor(options: unknown): Promise<{ destination: Destination; engine: Engine; folder: string }> {
  const { path, folder } = options as { path: string; folder: string };
  const engine = await testEngine(folder);
  return { destination: openDuckDb(defaults(path, engine)), engine, folder };
}

async function testEngine(folder: string): Promise<Engine> {
  return await openEngine({ memoryLimit: 512_000_000, temporaryDirectory: join(folder, 'temporary') });
}

function defaults(path: string, engine: Engine): DuckDbOptions {
  return {
    name: 'local',
    path,
    schema: 'main',
    lockTimeout: 20_000,
    engine: async () => engine,
    instance: 'here/00000001',
    clock: Date.now,
  };
}
