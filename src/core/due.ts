import { needsPerson } from './errors.ts';
import { localDateOf } from './local-time.ts';
import { settledFrom } from './settling.ts';
import { newestRowAt } from './table-state.ts';
import type { Wanted } from './wanted.ts';
import type { Instant, Job, KeyState, Period, Reason } from './words.ts';

/**
 * Why a period that nobody named is due now: the first reason that fits, or none. The bar is looked at before the table
 * of reasons; a forgotten period is due for `requested` alone.
 */
export function dueReason(
  period: Period,
  state: KeyState | undefined,
  job: Job,
  wanted: Wanted,
  now: Instant,
  acceptHeld: boolean,
): Reason | undefined {
  if (state?.outcome === 'forgotten') return undefined;
  if (state !== undefined && isBarred(state, job, now, acceptHeld)) return undefined;
  if (period.key === wanted.open?.key) return 'open';
  if (state?.held !== undefined) return 'held';
  if (state?.outcome === undefined) return 'missing';
  if (!state.closed) return 'provisional';
  if (period.start >= wanted.lookbackStart) return 'lookback';
  if (!state.settled && now >= settledFrom(period, job.window, state.outcome === 'empty')) return 'unsettled';
  return undefined;
}

/**
 * Once a day: true for a held key, and for one whose newest note is a failure that only a person cures, where its newest
 * request left on this local date. Never "24 h ago", which a daily tick would miss every other day. `acceptHeld` lifts
 * it for held keys.
 */
export function isBarred(state: KeyState, job: Job, now: Instant, acceptHeld: boolean): boolean {
  if (state.outcome === 'forgotten') return false;
  const waits = state.held !== undefined ? !acceptHeld : state.failed?.last === true && needsPerson(state.failed.code);
  return waits && localDateOf(newestRowAt(state), job.timezone) === localDateOf(now, job.timezone);
}
