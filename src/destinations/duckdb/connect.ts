import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Connection, type Engine, quoteName, quoteText } from '../../duckdb/engine.ts';
import { holderOf, isUnreplayed, lockedError, openError, statementError } from './failure.ts';

/** The file while it is ours: attached to the process's engine, on a connection of its own. */
export interface Attached {
  readonly connection: Connection;
  readonly catalog: string;
  readonly schema: string;
  /** `"catalog"."schema"."name"`: search paths never decide which table is meant. */
  table(name: string): string;
  /** The same file, seen from another of its schemas. */
  inSchema(schema: string): Attached;
}

export interface FileOptions {
  /** The destination's name in the YAML; for messages. */
  readonly name: string;
  readonly path: string;
  readonly schema: string;
  /** Milliseconds to wait for another process to let go of the file. */
  readonly lockTimeout: number;
  readonly engine: () => Promise<Engine>;
}

export type Work<T> = (file: Attached) => Promise<T>;

/**
 * A DuckDB file that is open only while somebody works with it, so that other programs can use it in between.
 * Inside the process one piece of work holds it at a time: DuckDB lets a process open a file twice, and closing one of
 * them drops the lock of both.
 */
export interface DuckDbFile {
  /** Read-only; undefined where there is no file. The signal interrupts. */
  read<T>(signal: AbortSignal, work: Work<T>): Promise<T | undefined>;
  /** Read-write; makes the file. The signal is heard until the file is open. */
  write<T>(signal: AbortSignal, work: Work<T>): Promise<T>;
  /** The folder that the file lies in. */
  makeFolder(): Promise<void>;
}

/** Polling, because a lock on a file tells nobody when it goes. Milliseconds. */
const LOCK_POLL = 50;

let attachments = 0;

export function duckDbFile(options: FileOptions): DuckDbFile {
  /** When a wait for the lock was last in vain; by performance.now(). */
  let gaveUpAt = Number.NEGATIVE_INFINITY;

  /** Waits once: what follows within another `lockTimeout`, also what queued up meanwhile, tries once and fails at once. */
  async function attach(connection: Connection, catalog: string, readOnly: boolean, signal: AbortSignal) {
    const statement = `ATTACH ${quoteText(options.path)} AS ${quoteName(catalog)} (TYPE duckdb${readOnly ? ', READ_ONLY' : ''})`;
    let replayed = false;
    const began = performance.now();
    const patience = began - gaveUpAt < options.lockTimeout ? 0 : options.lockTimeout;
    for (;;) {
      signal.throwIfAborted();
      try {
        await connection.run(statement);
        return;
      } catch (error) {
        const holder = holderOf(error);
        if (holder === undefined && readOnly && !replayed && isUnreplayed(error)) {
          replayed = true;
          await replay(connection, signal);
          continue;
        }
        if (holder === undefined) throw openError(options, error);
        const waited = performance.now() - began;
        if (waited >= patience) {
          if (patience > 0) gaveUpAt = performance.now();
          throw lockedError(options, holder);
        }
        await pause(Math.min(LOCK_POLL, patience - waited));
      }
    }
  }

  /**
   * Lets DuckDB put in order what a killed process left. A read-only open cannot replay every log that an open which
   * may write can: not one with an index of somebody's own table in it (duckdb/duckdb issue 24103), and, once in some
   * hundred kills inside a commit, not one of ours.
   */
  async function replay(connection: Connection, signal: AbortSignal): Promise<void> {
    const catalog = `exportd_${++attachments}`;
    await attach(connection, catalog, false, signal);
    await connection.run(`DETACH ${quoteName(catalog)}`);
  }

  async function open<T>(readOnly: boolean, signal: AbortSignal, work: Work<T>): Promise<T> {
    await using connection = await (await options.engine()).connect();
    const catalog = `exportd_${++attachments}`;
    await attach(connection, catalog, readOnly, signal);
    const interrupt = () => connection.duckdb.interrupt();
    if (readOnly) signal.addEventListener('abort', interrupt);
    try {
      return await work(attached(connection, catalog, options.schema));
    } catch (error) {
      // Also where DuckDB has ended the transaction itself (a full disk): there is nothing left to roll back then.
      await Promise.allSettled([connection.run('ROLLBACK')]);
      if (readOnly) signal.throwIfAborted();
      throw statementError(options, readOnly, error);
    } finally {
      signal.removeEventListener('abort', interrupt);
      await connection.run('USE memory.main');
      // A checkpoint that finds no room fails DETACH after it has detached: what was committed is in the write-ahead log.
      await Promise.allSettled([connection.run(`DETACH ${quoteName(catalog)}`)]);
    }
  }

  return {
    async read(signal, work) {
      signal.throwIfAborted();
      if (!(await exists(options.path))) return undefined;
      return await alone(options.path, () => open(true, signal, work));
    },
    async write(signal, work) {
      return await alone(options.path, () => open(false, signal, work));
    },
    async makeFolder() {
      try {
        await mkdir(dirname(options.path), { recursive: true });
      } catch (error) {
        throw openError(options, error);
      }
    },
  };
}

function attached(connection: Connection, catalog: string, schema: string): Attached {
  return {
    connection,
    catalog,
    schema,
    table: (name) => [catalog, schema, name].map(quoteName).join('.'),
    inSchema: (other) => attached(connection, catalog, other),
  };
}

/** Anything but plain absence counts as there: opening it says what is the matter. */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'));
  }
}

/** The last of those who wait for a file, by its real path. */
const queues = new Map<string, Promise<unknown>>();

async function alone<T>(path: string, work: () => Promise<T>): Promise<T> {
  const file = await realPath(path);
  const turn = Promise.allSettled([queues.get(file)]).then(work);
  queues.set(file, turn);
  try {
    return await turn;
  } finally {
    if (queues.get(file) === turn) queues.delete(file);
  }
}

/** Also of a file, or of folders, that are not there yet. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(await realPath(folder), basename(path));
  }
}
