import type { ExportdError } from '../core/errors.ts';
import type { Instant, LedgerEntry, Retries } from '../core/words.ts';
import type { Batch, Destination } from '../destinations/destination.ts';
import { backoff, pause } from './backoff.ts';
import type { Emit } from './events.ts';
import { asExportdError } from './failure.ts';

export interface CommitContext {
  readonly destination: Destination;
  readonly runId: string;
  readonly clock: () => Instant;
  readonly emit: Emit;
  /** The only signal that a commit hears, and only until its transaction begins. */
  readonly deadline: AbortSignal;
}

/**
 * Commits one batch, with its retries: the same batch again while the error heals and attempts are left. Throws the
 * last error; nothing of the batch is in the table then.
 *
 * @param prepare makes what the batch needs: ledger, table, columns
 */
export async function commitBatch(
  batch: Batch,
  prepare: () => Promise<void>,
  retries: Retries,
  context: CommitContext,
): Promise<readonly LedgerEntry[]> {
  const { destination, runId, clock, emit, deadline } = context;
  const size = { table: batch.table.name, keys: batch.entries.length, rows: rowsOf(batch) };
  for (let attempt = 1; ; attempt++) {
    try {
      await prepare();
      const began = clock();
      emit({ type: 'batch.committing', runId, at: began, ...size });
      const appended = await destination.replace(batch, deadline);
      emit({ type: 'batch.committed', runId, at: clock(), ...size, ms: clock() - began });
      return appended;
    } catch (cause) {
      const error: ExportdError = asExportdError(cause);
      if (!error.retryable || attempt >= retries.maxAttempts || deadline.aborted) throw error;
      const inMs = Math.max(backoff(attempt, retries, Math.random()), error.retryAfter ?? 0);
      emit({ type: 'batch.retrying', runId, at: clock(), table: size.table, attempt, inMs, error });
      await pause(inMs, deadline);
    }
  }
}

function rowsOf(batch: Batch): number {
  return batch.entries.reduce((sum, entry) => sum + (entry.outcome === 'loaded' ? entry.rowCount : 0), 0);
}
