/** BigQuery datasets for tests, on the emulator or on BigQuery itself, and how another process opens the same one. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Place, type Request } from '../../src/destinations/bigquery/connect.ts';
import { BigQueryFailure, kindOf } from '../../src/destinations/bigquery/failure.ts';
import { type BigQueryOptions, openBigQuery } from '../../src/destinations/bigquery/index.ts';
import type { Destination } from '../../src/destinations/destination.ts';
import { type Engine, openEngine } from '../../src/duckdb/engine.ts';
import type { Warehouse } from '../contract/destination.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

export interface BigQueryWarehouse extends Warehouse {
  readonly place: Place;
  openWith(options: Partial<BigQueryOptions>): Destination;
  /** One request of a person's own, below the project's path; undefined where there is nothing. */
  ask(method: Request['method'], path: string, body?: unknown): Promise<Record<string, unknown> | undefined>;
}

export interface EmulatedWarehouse extends BigQueryWarehouse {
  /** What its destinations go through. */
  readonly proxy: FaultProxy;
}

/** A dataset of its own on the emulator, behind a proxy that a test can plant faults in. */
export async function bigQueryWarehouse(url: string): Promise<EmulatedWarehouse> {
  const proxy = await startFaultProxy(url);
  const warehouse = await openWarehouse({ ...newPlace('test'), endpoint: proxy.url });
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

/** A dataset of its own in a project of $BIGQUERY_PROJECT, by application default credentials; it is dropped afterwards. */
export async function realWarehouse(): Promise<BigQueryWarehouse> {
  const { BIGQUERY_PROJECT: project = '', BIGQUERY_LOCATION: location, BIGQUERY_ENDPOINT: endpoint } = process.env;
  return await openWarehouse({ ...newPlace(project), location, endpoint });
}

async function openWarehouse(place: Place): Promise<BigQueryWarehouse> {
  const folder = await mkdtemp(join(tmpdir(), 'exportd-bigquery-'));
  const engine = await testEngine(folder);
  const { project, dataset, location } = place;
  const openWith = (options: Partial<BigQueryOptions>) => openBigQuery({ ...defaults(place), ...options });
  const service = await connect(place, 'exportd-test');

  async function ask(method: Request['method'], path: string, body?: unknown) {
    const [below = '', search] = path.split('?');
    const query = search === undefined ? {} : { query: Object.fromEntries(new URLSearchParams(search)) };
    try {
      const request = { method, path: `/projects/${project}${below}`, body, ...query };
      return await service.send<Record<string, unknown>>(request);
    } catch (error) {
      if (error instanceof BigQueryFailure && ['missing', 'exists'].includes(kindOf(error))) return undefined;
      throw error;
    }
  }

  return {
    engine,
    folder,
    place,
    openWith,
    open: ({ instance, now } = {}) =>
      openWith({
        ...(instance === undefined ? {} : { instance }),
        ...(now === undefined ? {} : { clock: () => now }),
      }),
    words: { text: 'STRING', textOfMap: (column) => `TO_JSON_STRING(${column})` },
    table: (name) => `\`${project}.${dataset}.${name}\``,
    touched: async () => (await ask('GET', `/datasets/${dataset}`)) !== undefined,
    elsewhere: { module: import.meta.url, options: { place, folder } },
    async sql(query) {
      await ask('POST', '/datasets', { datasetReference: { projectId: project, datasetId: dataset }, location });
      const answer = await ask('POST', '/queries', { query, useLegacySql: false, timeoutMs: 60_000, location });
      return rowsOf(answer as Answer);
    },
    ask,
    async [Symbol.asyncDispose]() {
      await ask('DELETE', `/datasets/${dataset}?deleteContents=true`);
      await engine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

export async function openFor(options: unknown): Promise<{ destination: Destination; engine: Engine; folder: string }> {
  const { place, folder } = options as { place: Place; folder: string };
  return { destination: openBigQuery(defaults(place)), engine: await testEngine(folder), folder };
}

async function testEngine(folder: string): Promise<Engine> {
  return await openEngine({ memoryLimit: 512_000_000, temporaryDirectory: join(folder, 'temporary') });
}

function newPlace(project: string): Place {
  const dataset = `t_${randomUUID().replaceAll('-', '_')}`;
  return {
    name: 'bq',
    project,
    billingProject: project,
    dataset,
    stagingDataset: dataset,
    location: undefined,
    endpoint: undefined,
    keyFile: undefined,
    impersonate: undefined,
  };
}

function defaults(place: Place): BigQueryOptions {
  return {
    place,
    settings: {
      labels: {},
      maximumBytesBilled: undefined,
      partitionExpiration: undefined,
      requirePartitionFilter: false,
    },
    userAgent: 'exportd-test',
    instance: 'here/00000001',
    clock: Date.now,
  };
}

interface Answer {
  readonly schema?: { readonly fields?: readonly { readonly name: string; readonly type: string }[] };
  readonly rows?: readonly { readonly f: readonly { readonly v: string | null }[] }[];
}

function rowsOf({ schema, rows = [] }: Answer): Record<string, unknown>[] {
  const fields = schema?.fields ?? [];
  return rows.map(({ f }) =>
    Object.fromEntries(fields.map(({ name, type }, at) => [name, typedValue(type, f[at]?.v ?? null)])),
  );
}

function typedValue(type: string, text: string | null): unknown {
  if (text === null) return null;
  if (type === 'FLOAT') return Number(text);
  return type === 'BOOLEAN' ? text === 'true' : text;
}
