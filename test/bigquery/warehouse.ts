/** BigQuery datasets for tests, on the emulator, and how another process opens the same one. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place } from '../../src/destinations/bigquery/connect.ts';
import { type BigQueryOptions, openBigQuery } from '../../src/destinations/bigquery/index.ts';
import type { Destination } from '../../src/destinations/destination.ts';
import { type Engine, openEngine } from '../../src/duckdb/engine.ts';
import type { Warehouse } from '../contract/destination.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

export interface BigQueryWarehouse extends Warehouse {
  readonly place: Place;
  /** What its destinations go through. */
  readonly proxy: FaultProxy;
  openWith(options: Partial<BigQueryOptions>): Destination;
  /** One request of a person's own, below `/bigquery/v2/projects/test`; undefined where there is nothing. */
  ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown> | undefined>;
}

export async function bigQueryWarehouse(url: string): Promise<BigQueryWarehouse> {
  const folder = await mkdtemp(join(tmpdir(), 'exportd-bigquery-'));
  const dataset = `t_${randomUUID().replaceAll('-', '_')}`;
  const engine = await testEngine(folder);
  const proxy = await startFaultProxy(url);
  const openWith = (options: Partial<BigQueryOptions>) => openBigQuery({ ...defaults(proxy.url, dataset), ...options });
  const ask = (method: string, path: string, body?: unknown) => request(url, method, path, body);
  return {
    engine,
    folder,
    place: placeOf(proxy.url, dataset),
    proxy,
    openWith,
    open: ({ instance, now } = {}) =>
      openWith({
        ...(instance === undefined ? {} : { instance }),
        ...(now === undefined ? {} : { clock: () => now }),
      }),
    words: { text: 'STRING', textOfMap: (column) => `TO_JSON_STRING(${column})` },
    table: (name) => `\`test.${dataset}.${name}\``,
    touched: async () => (await ask('GET', `/datasets/${dataset}`)) !== undefined,
    elsewhere: { module: import.meta.url, options: { url: proxy.url, dataset, folder } },
    sql: async (statement) => await plainQuery(proxy.url, dataset, statement),
    ask,
    async [Symbol.asyncDispose]() {
      await ask('DELETE', `/datasets/${dataset}?deleteContents=true`);
      await proxy[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

export async function openFor(options: unknown): Promise<{ destination: Destination; engine: Engine; folder: string }> {
  const { url, dataset, folder } = options as { url: string; dataset: string; folder: string };
  const engine = await testEngine(folder);
  return { destination: openBigQuery(defaults(url, dataset)), engine, folder };
}

async function testEngine(folder: string): Promise<Engine> {
  return await openEngine({ memoryLimit: 512_000_000, temporaryDirectory: join(folder, 'temporary') });
}

function placeOf(url: string, dataset: string): Place {
  return {
    name: 'bq',
    project: 'test',
    billingProject: 'test',
    dataset,
    stagingDataset: dataset,
    location: undefined,
    endpoint: url,
    keyFile: undefined,
    impersonate: undefined,
  };
}

function defaults(url: string, dataset: string): BigQueryOptions {
  return {
    place: placeOf(url, dataset),
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

/** As a person has it: a query of their own. */
async function plainQuery(url: string, dataset: string, query: string): Promise<Record<string, unknown>[]> {
  await request(url, 'POST', '/datasets', { datasetReference: { projectId: 'test', datasetId: dataset } });
  const answer = (await request(url, 'POST', '/queries', { query, useLegacySql: false, timeoutMs: 60_000 })) as Answer;
  const fields = answer.schema?.fields ?? [];
  return (answer.rows ?? []).map(({ f }) =>
    Object.fromEntries(fields.map(({ name, type }, at) => [name, typedValue(type, f[at]?.v ?? null)])),
  );
}

function typedValue(type: string, text: string | null): unknown {
  if (text === null) return null;
  if (type === 'FLOAT') return Number(text);
  return type === 'BOOLEAN' ? text === 'true' : text;
}

async function request(url: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`${url}/bigquery/v2/projects/test${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status === 404 || response.status === 409) return undefined;
  if (!response.ok) throw new Error(`the emulator answered ${response.status}: ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}
