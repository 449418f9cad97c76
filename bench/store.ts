/** The direct source beside its limits: the same query fetched bare, and its Parquet inserted with nothing checked. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fill } from '../demo/store/fill.ts';
import { openStore } from '../demo/store/open.ts';
import type { Report } from '../src/core/words.ts';
import { openClickHouseSource } from '../src/sources/clickhouse/index.ts';
import { createPace } from '../src/sources/pace.ts';
import { openSpool } from '../src/staging/spool.ts';
import { type ReportQuery, reportQuery } from '../src/usage-store/index.ts';
import { askFor } from '../test/sources/lab.ts';
import { CACHE, type Figures, measure, median, PYTHON, remove } from './process.ts';

/** 50 million requests of a year; `days` of less in a smoke test. */
export interface StoreSize {
  readonly days: number;
  readonly users: number;
  readonly wideRows: number;
  readonly rounds: number;
}

const REPORT: Report = { dataType: 'users', groupBy: 'model' };
const LAST = '2026-11-24';
const DAY = '2026-11-20';
const ALL = { userLevelData: true, leaderboards: true, byok: true };

export async function benchStore(exportd: readonly string[], size: StoreSize): Promise<unknown> {
  await using store = await openStore();
  const server = new URL(store.url);
  server.search = new URLSearchParams({ database: store.database, wait_end_of_query: '1' }).toString();
  const began = performance.now();
  const now = Date.parse(`${LAST}T23:00:00Z`) + 9 * 3_600_000;
  const { events } = await fill(store.client, {
    org: 'acme',
    seed: 2026,
    last: LAST,
    days: size.days,
    users: size.users,
    now,
  });
  const filled = (performance.now() - began) / 1000;
  // A workspace in which everybody spoke once on one day: as many result rows as there are people.
  await store.client.command(`INSERT INTO workspaces (org_id, name) VALUES ('wide', 'Wide')`);
  await store.client.command(
    `INSERT INTO users (org_id, user_id, name, email) SELECT 'wide', 'user ' || number, 'Name of ' || number, number || '@wide.example'
     FROM numbers(${size.wideRows})`,
  );
  await store.client.command(
    `INSERT INTO usage_events (org_id, ts, user_id, model_id, assistant_id, cost_usd)
     SELECT 'wide', toDateTime64('${DAY} 12:00:00', 6, 'UTC'), 'user ' || number, 'm', 'agent ' || number % 20, 0.000001234
     FROM numbers(${size.wideRows})`,
  );
  const queryOf = (workspace: string) => {
    const from = Date.parse(DAY);
    return reportQuery({ report: REPORT, from, to: from + 86_400_000 - 1, workspace, settings: ALL });
  };
  return {
    events,
    'seconds to fill': Math.round(filled * 10) / 10,
    'a day of users × model': await dayReport(store, server, queryOf('acme'), size.rounds),
    [`${size.wideRows} rows into DuckDB`]: wideReport(store, server, queryOf('wide'), exportd, size.rounds),
  };
}

/** Seconds of one extract, and of the bare query fetched as Parquet, in turn in one process. */
async function dayReport(
  store: Awaited<ReturnType<typeof openStore>>,
  server: URL,
  query: ReportQuery,
  rounds: number,
): Promise<unknown> {
  await using spool = await openSpool({ directory: join(CACHE, 'spool'), limit: 1e10, instance: 'bench/00000001' });
  await using source = openClickHouseSource({
    name: 'store',
    url: store.url,
    username: store.username,
    password: undefined,
    jwt: undefined,
    database: store.database,
    workspace: 'acme',
    settings: {},
    timeout: 600_000,
    history: undefined,
    pace: createPace({ rate: undefined, concurrency: 1 }),
    clock: Date.now,
  });
  const seconds = async (work: () => Promise<unknown>) => {
    const began = performance.now();
    await work();
    return (performance.now() - began) / 1000;
  };
  const signal = new AbortController().signal;
  const extract = async () => {
    await using file = spool.file('.body');
    await source.extract(askFor(DAY, { dataType: 'users', groupBy: 'model' }), file, signal);
  };
  const bare = async () => {
    const response = await fetch(withParameters(server, query), {
      method: 'POST',
      body: `${query.sql} FORMAT Parquet`,
    });
    await response.arrayBuffer();
  };
  await bare();
  const pairs: { bare: number; exportd: number }[] = [];
  for (let round = 0; round < rounds; round++)
    pairs.push({ bare: await seconds(bare), exportd: await seconds(extract) });
  return {
    bare: rounded(median(pairs.map((pair) => pair.bare))),
    exportd: rounded(median(pairs.map((pair) => pair.exportd))),
    'exportd / bare': rounded(median(pairs.map((pair) => pair.exportd / pair.bare))),
  };
}

/** Whole processes in turn: `exportd run`, and a script that fetches the same Parquet and inserts it. */
function wideReport(
  store: Awaited<ReturnType<typeof openStore>>,
  server: URL,
  query: ReportQuery,
  exportd: readonly string[],
  rounds: number,
): unknown {
  const folder = join(CACHE, 'work', `store-${randomUUID()}`);
  mkdirSync(folder, { recursive: true });
  const at = (name: string) => join(folder, name);
  writeFileSync(at('query.sql'), `${query.sql} FORMAT Parquet`);
  writeFileSync(
    at('exportd.yaml'),
    `version: 1
sources: { store: { type: clickhouse, url: "${store.url}", database: ${store.database}, workspace: wide } }
destinations: { local: { type: duckdb, path: ./exportd.duckdb } }
jobs: { bench: { source: store, destination: local, data_type: users, group_by: model, window: { grain: day } } }
`,
  );
  const limit = [PYTHON, join(import.meta.dirname, 'parquet_limit.py'), withParameters(server, query).href];
  const run = [...exportd, 'run', 'bench', '--from', DAY, '--to', DAY, '--config', at('exportd.yaml')];
  const pairs: { limit: Figures; exportd: Figures }[] = [];
  for (let round = 0; round < rounds; round++) {
    remove(at('limit.duckdb'), at('exportd.duckdb'));
    pairs.push({
      limit: measure([...limit, at('query.sql'), at('limit.duckdb'), at('limit.parquet')]),
      exportd: measure(run),
    });
  }
  rmSync(folder, { recursive: true });
  return {
    limit: rounded(median(pairs.map((pair) => pair.limit.wall))),
    exportd: rounded(median(pairs.map((pair) => pair.exportd.wall))),
    'exportd, MB': Math.round(median(pairs.map((pair) => pair.exportd.memory))),
    'exportd / limit': rounded(median(pairs.map((pair) => pair.exportd.wall / pair.limit.wall))),
  };
}

function withParameters(server: URL, { parameters }: ReportQuery): URL {
  const url = new URL(server);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(`param_${name}`, String(value));
  return url;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
