import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Connection, type Engine, quoteName, quoteText } from '../../duckdb/engine.ts';
import { holderOf, isUnreplayed, lockedError, openError, statementError } from './failure.ts';
import { inTurn } from './turns.ts';

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
  /**
   * Read-write; makes the file. The signal is heard until the file is open. Those who wait for it take it over open, for
   * a while: opening and closing a file of a thousand tables takes longer than a commit.
   */
  write<T>(signal: AbortSignal, work: Work<T>): Promise<T>;
  /** The folder that the file lies in. */
  makeFolder(): Promise<void>;
}

/** Polling, because a lock on a file tells nobody when it goes. Milliseconds. */
const LOCK_POLL = 50;

/** How long a file stays open while one of ours after the other works with it; then whoever polls for it gets it. Milliseconds. */
const LONGEST_HOLD = 3_000;

let attachments = 0;

interface Opened {
  readonly file: Attached;
  /** By performance.now(). */
  readonly since: number;
}

/** `settle` is run whenever the file was opened to write, before anybody works with it. */
export function duckDbFile(options: FileOptions, settle: (file: Attached) => Promise<void>): DuckDbFile {
  const self = {};
  /** Left open for the next in turn, who is there already. */
  let left: Opened | undefined;
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

  async function open(readOnly: boolean, signal: AbortSignal): Promise<Opened> {
    const connection = await (await options.engine()).connect();
    const file = attached(connection, `exportd_${++attachments}`, options.schema);
    try {
      await attach(connection, file.catalog, readOnly, signal);
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    return { file, since: performance.now() };
  }

  async function close({ file: { connection, catalog } }: Opened): Promise<void> {
    try {
      await connection.run('USE memory.main');
      // A checkpoint that finds no room fails DETACH after it has detached: what was committed is in the write-ahead log.
      await Promise.allSettled([connection.run(`DETACH ${quoteName(catalog)}`)]);
    } finally {
      await connection[Symbol.asyncDispose]();
    }
  }

  /** Takes back what the work left open, and says what went wrong. */
  async function failed(connection: Connection, readOnly: boolean, error: unknown): Promise<unknown> {
    // Also where DuckDB has ended the transaction itself (a full disk): there is nothing left to roll back then.
    await Promise.allSettled([connection.run('ROLLBACK')]);
    return statementError(options, readOnly, error);
  }

  async function reading<T>(signal: AbortSignal, work: Work<T>): Promise<T> {
    const opened = await open(true, signal);
    const { connection } = opened.file;
    const interrupt = () => connection.duckdb.interrupt();
    signal.addEventListener('abort', interrupt);
    try {
      return await work(opened.file);
    } catch (error) {
      const failure = await failed(connection, true, error);
      signal.throwIfAborted();
      throw failure;
    } finally {
      signal.removeEventListener('abort', interrupt);
      await close(opened);
    }
  }

  /** `next`: who waits for the file. */
  async function writing<T>(signal: AbortSignal, work: Work<T>, next: () => object | undefined): Promise<T> {
    const taken = left;
    left = undefined;
    const opened = taken ?? (await open(false, signal));
    let whole = true;
    try {
      if (taken !== undefined) signal.throwIfAborted();
      whole = false;
      if (taken === undefined) await settle(opened.file);
      const result = await work(opened.file);
      whole = true;
      return result;
    } catch (error) {
      throw whole ? error : await failed(opened.file.connection, false, error);
    } finally {
      const held = performance.now() - opened.since;
      if (whole && next() === self && held < LONGEST_HOLD) left = opened;
      else {
        await close(opened);
        // Whoever polls for it, as we do, finds it free once.
        if (next() === self && held >= LONGEST_HOLD) await pause(LOCK_POLL + 10);
      }
    }
  }

  return {
    async read(signal, work) {
      signal.throwIfAborted();
      if (!(await exists(options.path))) return undefined;
      return await inTurn(options.path, undefined, () => reading(signal, work));
    },
    async write(signal, work) {
      return await inTurn(options.path, self, (next) => writing(signal, work, next));
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
