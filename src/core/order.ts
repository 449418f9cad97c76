import type { Instant, KeyState, Period, PlannedPeriod, Reason, Urgency } from './words.ts';

/** A period that is due, and what its place in the queue depends on. */
export interface Due {
  readonly period: Period;
  readonly reason: Reason;
  readonly urgency: Urgency;
  /** When it was last tried, where its newest note is `failed`. */
  readonly failedAt: Instant | undefined;
}

/** When the newest attempt at the key failed, where nothing is newer. */
export function failedAt(state: KeyState | undefined): Instant | undefined {
  return state?.failed?.last === true ? state.failed.at : undefined;
}

/**
 * First what people wait for, then history; each new to old, with the periods whose newest note is `failed` last, oldest
 * attempt first, so that what keeps failing never stands in the way of what may not.
 */
export function inOrder(due: readonly Due[]): PlannedPeriod[] {
  return due.toSorted(compare).map(({ period, reason, urgency }) => ({ period, reason, urgency }));
}

function compare(a: Due, b: Due): number {
  if (a.urgency !== b.urgency) return a.urgency === 'awaited' ? -1 : 1;
  return (a.failedAt ?? -Infinity) === (b.failedAt ?? -Infinity)
    ? b.period.start - a.period.start
    : (a.failedAt ?? -Infinity) - (b.failedAt ?? -Infinity);
}
