import { DuckDBInstance } from '@duckdb/node-api';
import { exportd, type Folder, type FrameChanges, folder, frame, type Started, start } from '../cli/exportd.ts';
import { startUsageApi, type UsageApi, type UsageApiOptions } from '../engines/usage-api.ts';

export const KEY = 'the-api-key-of-acme';

export interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** What a run came to, period by period. */
export interface Told {
  readonly exit: unknown;
  readonly outcomes: Readonly<Record<string, number>>;
  /** By period date. */
  readonly periods: ReadonlyMap<string, { readonly outcome: string; readonly code: string | undefined }>;
  /** By period date: the whole error of a period that has one. */
  readonly errors: ReadonlyMap<string, ToldError>;
  /** Everything that was said, on both streams. */
  readonly said: string;
}

/** The API, one job `j` on table `t` in a DuckDB file, and exportd over both. */
export interface World extends AsyncDisposable {
  readonly api: UsageApi;
  readonly place: Folder;
  run(...words: string[]): Promise<Told>;
  /** exportd as a process of its own, to be killed. */
  start(...words: string[]): Started;
  /** Rows of a query, values as text. */
  query(sql: string): Promise<(string | null)[][]>;
  /** The keys whose rows are not exactly those of the load that the ledger's newest state row names. */
  broken(): Promise<(string | null)[][]>;
}

/** The keys of table `t` whose rows are not exactly those of the load that the ledger's newest state row names. */
export const BROKEN = `
WITH state AS (
  SELECT period_key, rows_load_id, row_count FROM _exportd_loads
  WHERE outcome IN ('loaded', 'unchanged', 'empty')
    AND loaded_at > coalesce((SELECT max(loaded_at) FROM _exportd_loads WHERE outcome = 'reset'), '-infinity')
  QUALIFY row_number() OVER (PARTITION BY period_key ORDER BY loaded_at DESC, load_id DESC) = 1
), held AS (
  SELECT _period_key AS period_key, count(*) AS row_count, count(DISTINCT _load_id) AS loads, any_value(_load_id) AS load_id
  FROM t GROUP BY ALL
)
SELECT period_key, state.row_count, held.row_count, state.rows_load_id, held.load_id
FROM state FULL JOIN held USING (period_key)
WHERE coalesce(state.row_count, 0) <> coalesce(held.row_count, 0)
   OR held.loads > 1 OR held.load_id IS DISTINCT FROM state.rows_load_id`;

/** Rows of a query on a DuckDB file that nobody holds, values as text. */
export async function queryFile(file: string, sql: string): Promise<(string | null)[][]> {
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
  try {
    const connection = await instance.connect();
    try {
      const rows = (await connection.runAndReadAll(sql)).getRowsJson();
      return rows.map((row) => row.map((value) => (value === null ? null : String(value))));
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

export async function world(options: UsageApiOptions, changes: Omit<FrameChanges, 'url'> = {}): Promise<World> {
  const api = await startUsageApi({
    keys: { [KEY]: ['USAGE_EXPORT_API'] },
    historyMonths: null,
    rateLimit: null,
    ...options,
  });
  const place = folder({ 'exportd.yaml': frame({ url: api.url, ...changes }) });
  const config = place.at('exportd.yaml');

  return {
    api,
    place,
    async run(...words) {
      const { exit, stdout, stderr } = await exportd([...words, '-c', config, '-o', 'json']);
      return { exit, ...told(stdout), said: stdout + stderr };
    },
    start: (...words) => start([...words, '-c', config]),
    query: (sql) => queryFile(place.at('out.duckdb'), sql),
    broken: () => queryFile(place.at('out.duckdb'), BROKEN),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      place[Symbol.dispose]();
    },
  };
}

interface SummaryDocument {
  readonly outcomes: Readonly<Record<string, number>>;
  readonly periods: readonly {
    readonly period_key: string;
    readonly outcome: string;
    readonly error: ToldError | null;
  }[];
}

/** Reads what `-o json` printed. */
export function told(stdout: string): Pick<Told, 'outcomes' | 'periods' | 'errors'> {
  const { outcomes, periods } = JSON.parse(stdout) as SummaryDocument;
  const dateOf = (key: string) => key.split('/')[2] ?? key;
  const dated = periods.map(({ period_key, outcome, error }) => {
    return [dateOf(period_key), { outcome, code: error?.code }] as const;
  });
  const errors = periods.flatMap(({ period_key, error }) =>
    error === null ? [] : [[dateOf(period_key), error] as const],
  );
  const some = Object.entries(outcomes).filter(([, count]) => count > 0);
  return { outcomes: Object.fromEntries(some), periods: new Map(dated), errors: new Map(errors) };
}
