import { dueReason, isBarred } from './due.ts';
import { isTaken, type Naming, namedPeriods } from './named.ts';
import { type Due, failedAt } from './order.ts';
import { holds, isLoaded, stateOf } from './table-state.ts';
import type { Wanted } from './wanted.ts';
import type { Instant, Job, KeyState, Period, PeriodKey, Reason, TableState, Urgency } from './words.ts';

/** What a survey of a source's periods found. */
export interface Survey {
  readonly due: readonly Due[];
  /** Loaded and not due. */
  readonly upToDate: number;
  /** Kept back until tomorrow. */
  readonly barred: number;
}

/** What a survey takes as due. */
export interface Scope {
  /** Also `lookback` and `open`, which are due at every tick. */
  readonly routine: boolean;
  /** Also held periods that were asked for today. */
  readonly acceptHeld: boolean;
}

/** Everything that is due by itself. */
export function survey(job: Job, wanted: Wanted, now: Instant, table: TableState, scope: Scope): Survey {
  const { routine, acceptHeld } = scope;
  const due: Due[] = [];
  let upToDate = 0;
  let barred = 0;
  const look = (period: Period, state: KeyState | undefined): void => {
    const reason = dueReason(period, state, job, wanted, now, acceptHeld);
    if (reason !== undefined && (routine || (reason !== 'lookback' && reason !== 'open'))) {
      due.push({ period, reason, urgency: urgencyOf(period, reason, wanted), failedAt: failedAt(state) });
    } else if (state !== undefined && isBarred(state, job, now, acceptHeld)) {
      barred += 1;
    } else if (isLoaded(state)) {
      upToDate += 1;
    }
  };
  for (const period of wanted.closed) look(period, stateOf(table, period.key));
  if (wanted.open !== undefined) look(wanted.open, stateOf(table, wanted.open.key));
  for (const period of heldBeyond(wanted, table)) look(period, stateOf(table, period.key));
  return { due, upToDate, barred };
}

/** Held periods that are not wanted any more: they are asked for until somebody decides. */
function* heldBeyond(wanted: Wanted, table: TableState): Generator<Period> {
  const { source, report, grid } = wanted.series;
  const held = new Map<PeriodKey, KeyState>();
  for (const [key, state] of table.states) {
    const stands = state.held !== undefined && state.outcome !== 'forgotten' && holds(table, state);
    if (stands && state.source === source) held.set(key, state);
  }
  if (held.size === 0) return;
  for (const { key } of wanted.closed) held.delete(key);
  if (wanted.open !== undefined) held.delete(wanted.open.key);
  for (const [key, { periodDate: date, start, end }] of held) yield { key, source, report, grid, date, start, end };
}

/** What a person named, whatever the ledger says; a backfill keeps only what it is for. */
export function surveyNamed(job: Job, wanted: Wanted, table: TableState, naming: Naming, urgency: Urgency): Survey {
  const due: Due[] = [];
  let upToDate = 0;
  for (const period of namedPeriods(naming, job, wanted, table)) {
    const state = stateOf(table, period.key);
    if (isTaken(naming.which, state, job)) {
      due.push({ period, reason: 'requested', urgency, failedAt: failedAt(state) });
    } else if (isLoaded(state)) upToDate += 1;
  }
  return { due, upToDate, barred: 0 };
}

/** A hole among the newest periods is awaited like them; any other is history. */
function urgencyOf(period: Period, reason: Reason, wanted: Wanted): Urgency {
  return reason === 'missing' && period.start < wanted.lookbackStart ? 'history' : 'awaited';
}
