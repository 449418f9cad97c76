import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';

export interface EngineOptions {
  /** Bytes; DuckDB's, of the whole process. */
  readonly memoryLimit: number;
  /** Where DuckDB spills; inside the spool. */
  readonly temporaryDirectory: string;
  /** Of `useAllCores`. Default: the machine's cores. More than the cores halves the speed. */
  readonly threads?: number | undefined;
}

/** Bound by name (`$name`). Bytes become a BLOB. */
export type Parameters = Readonly<Record<string, string | number | bigint | boolean | null | Uint8Array>>;

/** A connection that closes with its scope. Timestamps are read and shown in UTC. */
export interface Connection extends AsyncDisposable {
  readonly duckdb: DuckDBConnection;
  /** From now on the whole engine works on every core. */
  useAllCores(): Promise<void>;
  /** Runs a statement. */
  run(sql: string, parameters?: Parameters): Promise<void>;
  /** All rows, as objects; BIGINT and wider as bigint. For small answers whose column names are ours. */
  rows<T>(sql: string, parameters?: Parameters): Promise<T[]>;
}

/**
 * The one DuckDB instance of the process: memory limit and spilling are shared by staging and by the duckdb
 * destination, whose files are attached to it. It has no file of its own.
 *
 * It begins on one core, until somebody asks for all: with more, DuckDB burns the others while it waits for one, as when
 * it opens a file of a thousand tables.
 */
export interface Engine extends AsyncDisposable {
  connect(): Promise<Connection>;
}

/** `"name"`, safe for any text. The one place that quotes identifiers for DuckDB. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `'text'`, for the few places where DuckDB takes no parameter (ATTACH, read_csv options, COPY). */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** What stopped a statement. The error itself goes no further: it quotes input lines. */
export function engineFault(error: unknown): 'memory' | 'disk' | 'interrupted' | 'other' {
  const text = error instanceof Error ? error.message : '';
  if (/^INTERRUPT/i.test(text)) return 'interrupted';
  if (/^Out of Memory Error/i.test(text)) return 'memory';
  if (/No space left on device|Disk quota exceeded|max_temp_directory_size/i.test(text)) return 'disk';
  return 'other';
}

/** DuckDB itself is imported here, not with this file: it takes a tenth of a second, and downloads begin before it. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { blobValue, DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(options.memoryLimit / 1_000_000)}MB`,
    temp_directory: options.temporaryDirectory,
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    threads: '1',
  });
  const cores = options.threads === undefined ? 'RESET threads' : `SET threads = ${options.threads}`;
  let raised: Promise<unknown> | undefined;
  const raise = async (duckdb: DuckDBConnection) => {
    raised ??= duckdb.run(cores);
    await raised;
  };
  return {
    async connect() {
      const connected = connection(await instance.connect(), blobValue, raise);
      await connected.run(`SET TimeZone = 'UTC'`);
      return connected;
    },
    async [Symbol.asyncDispose]() {
      instance.closeSync();
    },
  };
}

function connection(
  duckdb: DuckDBConnection,
  blobOf: (bytes: Uint8Array) => DuckDBValue,
  raise: (duckdb: DuckDBConnection) => Promise<void>,
): Connection {
  const bound = (parameters: Parameters | undefined) => {
    if (parameters === undefined) return undefined;
    const values = Object.entries(parameters);
    return Object.fromEntries(
      values.map(([name, value]) => [name, value instanceof Uint8Array ? blobOf(value) : value]),
    );
  };
  return {
    duckdb,
    useAllCores: () => raise(duckdb),
    async run(sql, parameters) {
      await duckdb.run(sql, bound(parameters));
    },
    async rows<T>(sql: string, parameters?: Parameters) {
      const reader = await duckdb.runAndReadAll(sql, bound(parameters));
      return reader.getRowObjectsJS() as T[];
    },
    async [Symbol.asyncDispose]() {
      duckdb.closeSync();
    },
  };
}
