import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { contractColumns } from '../src/core/contract.ts';

/** The mock's columns that are not in the contract, as limit.py types them. */
const TYPES: Readonly<Record<string, string>> = {
  period: 'date',
  created_at: 'timestamp',
  last_seen_at: 'timestamp',
  ...Object.fromEntries(Array.from({ length: 10 }, (_, k) => [`c${k + 1}`, 'integer'])),
  spend: 'numeric',
  score: 'numeric',
  tags_json: 'map',
  features_json: 'map',
};

/**
 * Columns of the contract's users export that the mock lacks. They are left out, so that exportd's table has the columns
 * of limit.py's and dlt's, and not two dozen of nulls besides.
 */
const ABSENT = contractColumns({ dataType: 'users', groupBy: undefined })
  .map(({ name }) => name)
  .filter((name) => !['period_start', 'period_end', 'org_id', 'user_id', 'email', 'name'].includes(name));

export interface BenchConfig {
  readonly path: string;
  readonly url: string;
  readonly database: string;
  readonly format?: 'csv' | 'json';
  readonly rate?: string;
  /** YAML; default: the DuckDB file `database`. */
  readonly destination?: string;
  /** Make every column of the contract, also those that the mock lacks. */
  readonly allColumns?: boolean;
  /** More integer columns, c11 and up. */
  readonly moreCounters?: number;
}

/** Writes the config of one bench job, `bench`. */
export function writeConfig(config: BenchConfig): string {
  const { path, url, database, format = 'csv', rate = 'null', allColumns = false, moreCounters = 0 } = config;
  const destination = config.destination ?? `{ type: duckdb, path: ${JSON.stringify(database)} }`;
  const more = Object.fromEntries(Array.from({ length: moreCounters }, (_, k) => [`c${k + 11}`, 'integer']));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `version: 1
sources:
  mock: { type: export_api, base_url: "${url}", api_key: bench-key, format: ${format}, rate_limit: ${rate}, history: null }
destinations:
  local: ${destination}
jobs:
  bench:
    source: mock
    destination: local
    data_type: users
    timezone: UTC
    window: { grain: day }
    columns: { drop: ${JSON.stringify(allColumns ? [] : ABSENT)}, types: ${JSON.stringify({ ...TYPES, ...more })} }
`,
  );
  return path;
}

/** Writes a config of many jobs, each with its own table. */
export function writeManyJobs(path: string, jobs: number, database: string): string {
  mkdirSync(dirname(path), { recursive: true });
  const lines = Array.from(
    { length: jobs },
    (_, index) =>
      `  job_${index}: { data_type: users, group_by: model, window: { grain: day, lookback: 3, begin: 2025-01-01 } }`,
  );
  writeFileSync(
    path,
    `version: 1
sources: { mock: { type: export_api, base_url: "http://127.0.0.1:9", api_key: bench-key, history: null } }
destinations: { local: { type: duckdb, path: ${JSON.stringify(database)} } }
defaults: { source: mock, destination: local, timezone: Europe/Berlin, schedule: "15 6 * * *" }
jobs:
${lines.join('\n')}
`,
  );
  return path;
}
