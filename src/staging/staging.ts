import { randomUUIDv7 } from 'node:crypto';
import { METADATA_COLUMNS } from '../core/columns.ts';
import { ExportdError } from '../core/errors.ts';
import { type Connection, type Engine, engineFault, type Parameters, quoteName } from '../duckdb/engine.ts';
import { hashAlgorithm } from './fingerprint.ts';
import { groupBodies } from './group-bodies.ts';
import { parquetLanding } from './parquet-landing.ts';
import type { Spool } from './spool.ts';
import { columnsOf, stageBatch, stageTogether } from './stage-batch.ts';
import type { Landing, Staged, Staging } from './staged.ts';
import { HASH_RULE, VALUE_RULES } from './value-rules.ts';

export interface StagingOptions {
  /** Opened when the first batch comes, so that downloads begin before DuckDB is loaded. */
  readonly engine: () => Promise<Engine>;
  readonly spool: Spool;
}

export function openStaging({ engine, spool }: StagingOptions): Staging {
  let algorithm: Promise<string> | undefined;

  /** Runs `use` on a connection that knows the value rules and hears `signal`. */
  async function onConnection<T>(
    connection: Connection,
    signal: AbortSignal,
    use: (connection: Connection, algorithm: string) => Promise<T>,
  ): Promise<T> {
    const interrupt = () => connection.duckdb.interrupt();
    signal.addEventListener('abort', interrupt);
    try {
      // A first statement that was interrupted must not stand for all that follow.
      algorithm ??= prepare(connection).catch((error: unknown) => {
        algorithm = undefined;
        throw error;
      });
      return await use(heedful(connection, signal), await algorithm);
    } catch (error) {
      throw whatStopped(error, signal);
    } finally {
      signal.removeEventListener('abort', interrupt);
    }
  }

  /** The same on a connection of its own. */
  async function connected<T>(
    signal: AbortSignal,
    use: (connection: Connection, algorithm: string) => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) throw interrupted();
    await using connection = await (await engine()).connect();
    return await onConnection(connection, signal, use);
  }

  const staging: Staging = {
    async stage(spec, table, bodies, signal): Promise<Staged> {
      const file = spool.file('.parquet');
      try {
        const batch = await connected(signal, (connection, named) =>
          stageBatch(
            { algorithm: named, spec, landing: parquetLanding(connection, file), signal },
            table.columns,
            bodies,
          ),
        );
        return { id: randomUUIDv7(), file, ...batch, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
      } catch (error) {
        await file[Symbol.asyncDispose]();
        throw error;
      }
    },

    async open(spec, table, bodies, signal) {
      const { groups, problems } = await connected(signal, (connection) =>
        groupBodies(connection, spec, table.columns, bodies),
      );
      if (problems.size > 0) return undefined;
      return {
        columns: columnsOf(groups),
        into: (landing) =>
          onConnection(landing.connection, signal, (connection, named) =>
            stageTogether({ algorithm: named, spec, landing: { ...landing, connection }, signal }, groups),
          ),
      };
    },

    async preview(spec, body, limit, signal) {
      await using file = spool.file('.parquet');
      return connected(signal, async (connection, named) => {
        const landing = parquetLanding(connection, file);
        const batch = await stageBatch({ algorithm: named, spec, landing, signal }, [], [body]);
        const [load] = batch.loads;
        if (load === undefined) throw new Error('no load of a body');
        const metadata = METADATA_COLUMNS.map((column) => ({ ...column, description: '' }));
        const columns = [...batch.columns, ...metadata];
        const written = new Set<string>([...batch.written, ...metadata.map(({ name }) => name)]);
        const texts = columns.map(({ name }) =>
          written.has(name) ? `CAST(${quoteName(name)} AS VARCHAR)` : 'NULL::VARCHAR',
        );
        return { columns, rows: await readTexts(landing, texts, limit), load };
      });
    },

    // Connections live as long as a call, the engine is its owner's: there is nothing to give back.
    async [Symbol.asyncDispose]() {},
  };
  return staging;
}

/** DuckDB forgets an interrupt that comes between two statements. */
function heedful(connection: Connection, signal: AbortSignal): Connection {
  const heed = () => {
    if (signal.aborted) throw interrupted();
  };
  return {
    ...connection,
    async run(sql, parameters) {
      heed();
      await connection.run(sql, parameters);
    },
    async rows<T>(sql: string, parameters?: Parameters) {
      heed();
      return connection.rows<T>(sql, parameters);
    },
  };
}

/** Makes the value rules, once per engine. Returns what fingerprints are named by. */
async function prepare(connection: Connection): Promise<string> {
  await connection.useAllCores();
  await connection.run([...VALUE_RULES, HASH_RULE].join(';\n'));
  return hashAlgorithm(connection);
}

async function readTexts(landing: Landing, texts: readonly string[], limit: number): Promise<(string | null)[][]> {
  const rows = await landing.connection.rows<{ texts: (string | null)[] }>(
    `SELECT [${texts.join(', ')}] AS texts FROM ${landing.rows()} LIMIT ${Math.max(0, Math.floor(limit))}`,
  );
  return rows.map((row) => row.texts);
}

/** What a person may see of an error that stops a whole batch. DuckDB's own text quotes input lines and goes no further. */
function whatStopped(error: unknown, signal: AbortSignal): ExportdError {
  if (error instanceof ExportdError) return error;
  if (signal.aborted) return interrupted();
  switch (engineFault(error)) {
    case 'memory':
      return new ExportdError('MEMORY_LIMIT', 'staging needs more memory than daemon.memory_limit', {
        scope: 'period',
        hint: 'raise daemon.memory_limit, or choose a smaller grain',
      });
    case 'disk':
      return new ExportdError('SPOOL_FULL', 'the disk of the spool folder is full', {
        scope: 'period',
        retryable: true,
        hint: 'free space there, or set daemon.spool_dir to a larger disk',
      });
    default:
      return new ExportdError('INTERNAL', 'staging failed for a reason that its own checks did not find', {
        scope: 'period',
        hint: 'please report it, with the shape of the export',
      });
  }
}

function interrupted(): ExportdError {
  return new ExportdError('INTERRUPTED', 'staging was interrupted', { scope: 'period' });
}
