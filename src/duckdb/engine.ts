import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export interface EngineOptions {
  /** Bytes; DuckDB's, of the whole process. */
  readonly memoryLimit: number;
  /** Where DuckDB spills; inside the spool. */
  readonly temporaryDirectory: string;
  /** Default: the machine's cores. More than the cores halves the speed. */
  readonly threads?: number | undefined;
}

/** A connection that closes with its scope. */
export interface Connection extends AsyncDisposable {
  readonly duckdb: DuckDBConnection;
  /** Runs a statement; parameters are bound by name (`$name`). */
  run(sql: string, parameters?: Readonly<Record<string, string | number | bigint | boolean | null>>): Promise<void>;
  /** All rows, as objects; BIGINT and wider as bigint. For small answers. */
  rows<T>(sql: string, parameters?: Readonly<Record<string, string | number | bigint | boolean | null>>): Promise<T[]>;
}

/**
 * The one DuckDB instance of the process: memory limit and spilling are shared by staging and by the duckdb
 * destination, whose files are attached to it. It has no file of its own.
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

export async function openEngine(options: EngineOptions): Promise<Engine> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(options.memoryLimit / 1_000_000)}MB`,
    temp_directory: options.temporaryDirectory,
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
  });
  return {
    async connect() {
      return connection(await instance.connect());
    },
    async [Symbol.asyncDispose]() {
      instance.closeSync();
    },
  };
}

function connection(duckdb: DuckDBConnection): Connection {
  return {
    duckdb,
    async run(sql, parameters) {
      await duckdb.run(sql, parameters);
    },
    async rows<T>(sql: string, parameters?: Readonly<Record<string, string | number | bigint | boolean | null>>) {
      const reader = await duckdb.runAndReadAll(sql, parameters);
      return reader.getRowObjectsJS() as T[];
    },
    async [Symbol.asyncDispose]() {
      duckdb.closeSync();
    },
  };
}
