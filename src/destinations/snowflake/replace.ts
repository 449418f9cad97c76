import { randomUUIDv7 } from 'node:crypto';
import { access } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { ExportdError } from '../../core/errors.ts';
import type { Instant, LedgerEntry } from '../../core/words.ts';
import type { Staged } from '../../staging/staged.ts';
import { type Batch, expectedRows } from '../destination.ts';
import { METADATA } from '../metadata.ts';
import { countDiffers, tableGone } from '../refusals.ts';
import { appendedSql, commitBlock, RAISED } from './commit-block.ts';
import type { Answer } from './connect.ts';
import { kindOf, SnowflakeFailure, told } from './failure.ts';
import { createStagingSql, LEDGER, lockOf } from './schema.ts';
import type { Session } from './session.ts';
import { copySql, dropSql, putSql, removeSql, STAGING_PREFIX, stagingName } from './staging-sql.ts';

/** How far a batch got: the same batch may be passed again, and is not staged twice. */
export interface Progress {
  readonly id: string;
  /** Attempts to stage it; each has a path and a table of its own. */
  attempts: number;
  /** The attempt that its rows are staged under. */
  staged: string | undefined;
}

export function untouched({ staged }: Batch): Progress {
  return { id: staged?.id ?? randomUUIDv7(), attempts: 0, staged: undefined };
}

/** Milliseconds between two looks at a query that may still run: from, to; and how long one is watched. */
const LOOKS = [200, 5_000] as const;

/**
 * See Destination.replace: a staging table, the file into the stage and from there into the table, then one block. The
 * signal is heard until the block begins.
 */
export async function replace(
  session: Session,
  batch: Batch,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly LedgerEntry[]> {
  const { staged, table, entries, insert } = batch;
  if (staged !== undefined && insert.length > 0 && progress.staged === undefined) {
    await stage(session, batch, staged, progress, signal);
  }
  signal.throwIfAborted();
  const sql = commitBlock({
    table: session.table(table.name),
    ledger: session.table(LEDGER),
    lock: session.table(lockOf(table.name)),
    staging: progress.staged === undefined ? undefined : session.table(`${STAGING_PREFIX}${progress.staged}`),
    columns: staged === undefined ? [] : [...writtenColumns(staged), ...METADATA],
    insert,
    entries,
    dates: batch.dates,
    expectedRows: expectedRows(batch),
    batch: progress.id,
  });
  try {
    const committed = await commit(session, sql, batch);
    await clear(session, progress);
    return committed;
  } catch (error) {
    const why = commitError(session, table.name, error);
    if (why instanceof ExportdError && !why.retryable) await clear(session, progress);
    throw why;
  }
}

/** Throws COMMIT_FAILED: nothing has changed. */
async function stage(session: Session, batch: Batch, staged: Staged, progress: Progress, signal: AbortSignal) {
  const { name } = batch.table;
  progress.attempts += 1;
  const attempt = stagingName(progress.id, progress.attempts);
  const table = session.table(`${STAGING_PREFIX}${attempt}`);
  const location = session.staged(`${attempt}/`);
  const [entry] = batch.entries;
  const common = { purpose: 'stage', entry, deadline: session.deadlines.load } as const;
  try {
    // The driver fails out of reach where there is none.
    await access(staged.file.path);
    const columns = [...writtenColumns(staged), ...METADATA];
    await session.run({ sql: createStagingSql(table, columns), purpose: 'stage', entry, once: true }, signal);
    const put = await session.run({ ...common, sql: putSql(staged.file.path, location), beside: true }, signal);
    uploaded(name, put);
    const copied = await session.run({ ...common, sql: copySql(table, location), once: true }, signal);
    const arrived = loadedRows(copied);
    if (arrived < expectedRows(batch)) throw countDiffers(name, arrived, expectedRows(batch));
    progress.staged = attempt;
  } catch (error) {
    await drop(session, attempt);
    signal.throwIfAborted();
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new ExportdError('COMMIT_FAILED', `table ${name}: the staged file is gone`, { scope: 'table' });
    }
    throw told(error, {
      destination: session.place.name,
      what: `staging a batch of table ${name}`,
      committing: true,
    });
  }
}

function uploaded(table: string, put: Answer): void {
  const status = put.columns.indexOf('status');
  if (put.rows.length > 0 && put.rows.every((row) => row[status] === 'UPLOADED')) return;
  const said = put.rows.map((row) => row[status]).join(', ');
  throw new ExportdError('COMMIT_FAILED', `table ${table}: PUT did not upload the batch: ${said || 'no answer'}`, {
    scope: 'table',
    retryable: true,
  });
}

/** Rows that COPY loaded; a file that it left out or read in part counts for nothing. */
export function loadedRows({ columns, rows }: Answer): number {
  const [status, parsed, loaded] = ['status', 'rows_parsed', 'rows_loaded'].map((name) => columns.indexOf(name));
  let sum = 0;
  for (const row of rows) {
    const isWhole = row[status ?? -1] === 'LOADED' && row[parsed ?? -1] === row[loaded ?? -1];
    if (isWhole) sum += Number(row[loaded ?? -1]);
  }
  return sum;
}

/** The entries that the ledger has now. Throws COMMIT_UNKNOWN where nobody can tell, and SnowflakeFailure. */
async function commit(session: Session, sql: string, { entries, table }: Batch): Promise<readonly LedgerEntry[]> {
  const { deadlines } = session;
  try {
    const block = { sql, purpose: 'commit', entry: entries[0], deadline: deadlines.commit, once: true } as const;
    return appended(entries, await session.run(block));
  } catch (error) {
    if (!(error instanceof SnowflakeFailure) || !['lost', 'session'].includes(kindOf(error))) throw error;
    const known = await askedAgain(session, entries, error.queryId);
    if (known.length > 0) return known;
    throw new ExportdError(
      'COMMIT_UNKNOWN',
      `table ${table.name}: no answer to its commit; the ledger does not have it yet, and is asked again`,
      { scope: 'table', retryable: true },
    );
  }
}

/**
 * After a lost answer: how the query stands, then what the ledger has, both in a new session, since an old one need not
 * see what others committed. Nothing in the ledger proves nothing: the block may still wait for the lock. The next
 * attempt waits for it there, and then answers from the ledger.
 */
async function askedAgain(
  session: Session,
  entries: readonly LedgerEntry[],
  queryId: string | undefined,
): Promise<readonly LedgerEntry[]> {
  session.renew();
  try {
    if (queryId !== undefined) await ended(session, queryId);
    const sql = appendedSql(session.table(LEDGER), entries);
    return appended(entries, await session.run({ sql, purpose: 'commit', entry: entries[0] }));
  } catch (error) {
    if (error instanceof SnowflakeFailure) return [];
    throw error;
  }
}

/** Returns once the query has ended, or has taken longer than any does. */
async function ended(session: Session, queryId: string): Promise<void> {
  const until = performance.now() + session.deadlines.commit;
  for (let wait: number = LOOKS[0]; performance.now() < until; wait = Math.min(wait * 2, LOOKS[1])) {
    if (!STILL_RUNNING.has(await session.status(queryId))) return;
    await pause(wait);
  }
}

const STILL_RUNNING = new Set(['RUNNING', 'QUEUED', 'RESUMING_WAREHOUSE', 'QUEUED_REPARING_WAREHOUSE', 'BLOCKED']);

/** The entries that the ledger has, in the batch's order, as (load_id, loaded_ms). */
function appended(entries: readonly LedgerEntry[], { rows }: Answer): readonly LedgerEntry[] {
  const loadedAt = new Map<string | null | undefined, Instant>(rows.map(([loadId, ms]) => [loadId, Number(ms)]));
  return entries.flatMap((entry) => {
    const at = loadedAt.get(entry.loadId);
    return at === undefined ? [] : [{ ...entry, loadedAt: at }];
  });
}

function commitError(session: Session, table: string, error: unknown): unknown {
  if (error instanceof SnowflakeFailure) {
    if (error.message.includes(RAISED.count)) {
      return new ExportdError('COMMIT_FAILED', `table ${table}: ${RAISED.count.slice(9)}; nothing was changed`, {
        scope: 'table',
      });
    }
    if (error.message.includes(RAISED.lock)) {
      return new ExportdError(
        'COMMIT_FAILED',
        `table ${table}: somebody emptied ${lockOf(table)}; nothing was changed`,
        { scope: 'table', hint: 'The next run puts its row back.' },
      );
    }
    if (kindOf(error) === 'missing') return tableGone(table);
  }
  return told(error, { destination: session.place.name, what: `committing to table ${table}`, committing: true });
}

function writtenColumns({ columns, written }: Staged) {
  return columns.filter(({ name }) => written.has(name));
}

async function clear(session: Session, progress: Progress): Promise<void> {
  const { staged } = progress;
  progress.staged = undefined;
  if (staged !== undefined) await drop(session, staged);
}

/** What is left is swept after a day; no batch fails for it. */
export async function drop(session: Session, attempt: string, purpose: 'stage' | 'sweep' = 'stage'): Promise<void> {
  await Promise.allSettled([
    session.run({ sql: dropSql(session.table(`${STAGING_PREFIX}${attempt}`)), purpose }),
    session.run({ sql: removeSql(session.staged(`${attempt}/`)), purpose }),
  ]);
}
