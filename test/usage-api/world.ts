/** The API over a real ClickHouse, in this process, on a port of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { ApiKeyConfig, UsageApiConfig } from '../../src/config/settings.ts';
import { Secret } from '../../src/core/secret.ts';
import { hashOf, SCOPE } from '../../src/usage-api/keys.ts';
import type { Exported } from '../../src/usage-api/record.ts';
import { openUsageApi, type UsageApi } from '../../src/usage-api/server.ts';
import type { Limits } from '../../src/usage-api/surroundings.ts';
import { initStore } from '../../src/usage-store/migrations.ts';
import { type ClickHouseOptions, type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { storeClient } from '../usage-store/client.ts';

/** The key of a workspace in these tests. */
export const keyOf = (workspace: string) => `key-of-${workspace}`;

export function apiKey(workspace: string, changes: Partial<ApiKeyConfig> = {}): ApiKeyConfig {
  return { name: `key of ${workspace}`, workspace, hash: hashOf(keyOf(workspace)), scopes: [SCOPE], ...changes };
}

/** A store with its tables, and no usage. */
export async function openStore(options: ClickHouseOptions = {}): Promise<ClickHouseServer> {
  const server = await startClickHouse(options);
  await initStore(storeClient(server));
  return server;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as JSON; undefined where it is none. */
  readonly json: ReturnType<typeof JSON.parse> | undefined;
}

export interface World extends AsyncDisposable {
  readonly url: string;
  readonly api: UsageApi;
  /** Where CSV files are. */
  readonly files: string;
  readonly config: UsageApiConfig;
  /** Audit records, in the order in which requests ended. */
  readonly told: Exported[];
  /** What the server says is a bug. */
  readonly bugs: unknown[];
  /** POST with the key of the workspace. */
  post(path: string, body: unknown, options?: PostOptions): Promise<Answer>;
  get(url: string): Promise<Answer>;
  untilTold(count: number): Promise<void>;
}

interface PostOptions {
  readonly workspace?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WorldOptions {
  readonly config?: Partial<UsageApiConfig>;
  readonly limits?: Partial<Limits>;
  readonly clock?: () => number;
}

/** Everything of 2026-03, in UTC. */
export const MARCH = period('2026-03-01T00:00:00.000', '2026-03-31T23:59:59.999');

export function period(from: string, to: string, timezone = 'UTC') {
  return { from: { date: from, timezone }, to: { date: to, timezone } };
}

export async function openWorld(store: { readonly url: string }, options: WorldOptions = {}): Promise<World> {
  const files = mkdtempSync(join(tmpdir(), 'exportd-usage-api-'));
  const config: UsageApiConfig = {
    listen: { host: '127.0.0.1', port: 0 },
    publicUrl: undefined,
    pathPrefix: '',
    clickHouse: {
      url: store.url,
      username: 'default',
      password: undefined,
      jwt: undefined,
      database: 'default',
      settings: {},
      timeout: 60_000,
    },
    signingKey: new Secret('the-signing-key-of-tests'),
    filesDir: join(files, 'exports'),
    urlTtl: 900_000,
    rate: undefined,
    concurrency: 4,
    maxScannedRows: 1_000_000,
    history: undefined,
    keys: [apiKey('acme')],
    ...options.config,
  };
  const told: Exported[] = [];
  const bugs: unknown[] = [];
  const api = await openUsageApi({
    config,
    clock: options.clock ?? Date.now,
    exported: (record) => told.push(record),
    failed: (error) => bugs.push(error),
    ...(options.limits && { limits: options.limits }),
  });
  return {
    url: `${api.url}${config.pathPrefix}`,
    api,
    files: config.filesDir,
    config,
    told,
    bugs,
    async post(path, body, { workspace = 'acme', headers = {} } = {}) {
      return await answerOf(
        await fetch(`${api.url}${config.pathPrefix}${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${keyOf(workspace)}`, 'content-type': 'application/json', ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      );
    },
    get: async (url) => await answerOf(await fetch(url)),
    untilTold: async (count) => {
      await vi.waitFor(() => {
        if (told.length < count) throw new Error(`${told.length} requests have ended`);
      });
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      rmSync(files, { recursive: true, force: true });
    },
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}
