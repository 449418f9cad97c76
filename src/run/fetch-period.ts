import type { ExportdError } from '../core/errors.ts';
import type { Instant } from '../core/words.ts';
import { type Extract, LONGEST_RETRY_AFTER, type Source } from '../sources/source.ts';
import type { Spool } from '../staging/spool.ts';
import { backoff, pause } from './backoff.ts';
import { asExportdError, interrupted, notTried } from './failure.ts';
import type { Halt } from './halt.ts';
import type { SourceHealth } from './source-health.ts';
import type { Work } from './work.ts';

export interface FetchContext {
  readonly source: Source;
  readonly health: SourceHealth;
  readonly table: Halt;
  /** No request leaves any more; those that have left are answered. */
  readonly enough: AbortSignal;
  readonly spool: Spool;
  readonly clock: () => Instant;
  readonly onRetry: (work: Work, inMs: number, error: ExportdError) => void;
}

/**
 * Gets one period, with its retries: connection errors, 5xx, resets, short bodies and expired URLs cost an attempt
 * each, a 429 costs none. Throws the last error once `max_attempts` are used up; NOT_TRIED where source or table were
 * given up before the request left, INTERRUPTED where it was `enough` by then; `signal`'s reason where it was aborted. On any throw nothing of the body is left in the spool.
 */
export async function fetchPeriod(work: Work, context: FetchContext, signal: AbortSignal): Promise<Extract> {
  const { source, health, table, spool, enough } = context;
  for (;;) {
    signal.throwIfAborted();
    if (enough.aborted) throw interrupted();
    const { halt } = health;
    const stopped = halt.stopped ?? table.stopped;
    if (stopped !== undefined) throw notTried(stopped);
    const queued = AbortSignal.any([halt.signal, table.signal, enough]);
    const file = spool.file('.body');
    try {
      const extract = await source.extract(work.ask, file, signal, queued);
      health.succeeded();
      work.attempts += 1;
      if (extract.kind === 'nothing') await file[Symbol.asyncDispose]();
      return extract;
    } catch (cause) {
      const answered = asExportdError(cause);
      const isBraked = answered.code === 'RATE_LIMITED' && answered.retryable;
      const error = (isBraked ? health.refused(context.clock()) : undefined) ?? answered;
      // Before anything is awaited: the next request that waits for its turn must not leave meanwhile.
      if (error.scope === 'source') health.stop(error, context.clock());
      await file[Symbol.asyncDispose]();
      signal.throwIfAborted();
      if (queued.aborted && cause === queued.reason) continue;
      if (!error.retryable) throw error;
      if (isBraked) {
        context.onRetry(work, error.retryAfter ?? 0, error);
        continue; // The source's pace is what waits.
      }
      work.attempts += 1;
      await waitForRetry(work, error, context, signal);
    }
  }
}

/** Waits before the next attempt, or throws `error` where there is none left, or none so soon. Also for a body that staging found short. */
export async function waitForRetry(
  work: Work,
  error: ExportdError,
  context: Pick<FetchContext, 'onRetry'>,
  signal: AbortSignal,
): Promise<void> {
  if (work.attempts >= work.job.retries.maxAttempts || (error.retryAfter ?? 0) > LONGEST_RETRY_AFTER) throw error;
  const inMs = Math.max(backoff(work.attempts, work.job.retries, Math.random()), error.retryAfter ?? 0);
  context.onRetry(work, inMs, error);
  await pause(inMs, signal);
}
