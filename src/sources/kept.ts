import { ExportdError } from '../core/errors.ts';
import { retentionEdge } from '../core/retention.ts';
import type { History, Instant, Period } from '../core/words.ts';

/** Throws RETENTION_PASSED where a source no longer keeps all of the period at the instant a request would leave. */
export function requireKept(source: string, history: History | undefined, period: Period, now: Instant): void {
  if (history === undefined || period.start >= retentionEdge(history, now)) return;
  throw new ExportdError('RETENTION_PASSED', `${source} no longer keeps all of ${period.key}`, {
    scope: 'period',
    hint: 'its rows stay as they are in the table; the source would answer with fewer',
  });
}
