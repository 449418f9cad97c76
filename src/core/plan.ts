import { dueReason, isBarred } from './due.ts';
import { forecast } from './forecast.ts';
import { isTaken, type Naming, namedPeriods, notClosedWarning, type Which } from './named.ts';
import { type Due, failedAt, inOrder } from './order.ts';
import { heldBackWarning, retentionWarning, sourceWarnings, tableWarnings, windowWarnings } from './plan-warnings.ts';
import { tableRefusal } from './refusal.ts';
import { edgeOf } from './retention.ts';
import { holds, isLoaded, stateOf } from './table-state.ts';
import { newestClosed, seriesOf, type Wanted, wantedPeriods } from './wanted.ts';
import type {
  Instant,
  Job,
  JobSource,
  KeyState,
  LocalDate,
  Period,
  PeriodKey,
  Plan,
  PlanWarning,
  Reason,
  TableState,
  Urgency,
} from './words.ts';

/**
 * What a plan is for.
 * - `tick`: everything that is due.
 * - `start`: a start, a reload, the rest of a bounded plan: everything but `lookback` and `open`, so that a crash loop costs nothing.
 * - `run`: a person's; without dates as a tick, with dates just the named periods. `acceptHeld` lifts the once-a-day bar of held keys.
 * - `backfill`: a person's history.
 */
export type Wish =
  | { readonly kind: 'tick' }
  | { readonly kind: 'start' }
  | {
      readonly kind: 'run';
      readonly from: LocalDate | undefined;
      readonly to: LocalDate | undefined;
      readonly acceptHeld: boolean;
    }
  | {
      readonly kind: 'backfill';
      readonly from: LocalDate | undefined;
      readonly to: LocalDate | undefined;
      readonly which: Which;
    };

/** Older than any usage: where everything of a table is asked for. */
const EVERYTHING: LocalDate = '1970-01-01';

/**
 * What is due now for a job and one of its sources, in which order and why. Pure: the same job, now, table state and
 * wish give the same plan. Level-triggered: whatever was missed is due at the next plan.
 */
export function planJob(job: Job, source: JobSource, now: Instant, table: TableState, wish: Wish): Plan {
  const refused = tableRefusal(job, source, table);
  if (refused !== undefined) {
    const none = forecast([], source, undefined);
    return { job, source, now, periods: [], upToDate: 0, postponed: 0, warnings: [], refused, forecast: none };
  }
  const wanted = wantedPeriods(job, source, now, table);
  const naming = namingOf(wish);
  const found = naming === undefined ? survey(job, wanted, now, table, wish) : named(job, wanted, table, wish, naming);
  const edge = edgeOf(source, now);
  const due = found.due.filter(({ period }) => period.start >= edge);
  const ordered = inOrder(due);
  const periods = ordered.slice(0, lengthWithin(job, wish, due));
  const isFirst = job.sources[0]?.key === source.key;
  const warnings: PlanWarning[] = [
    ...(isFirst ? windowWarnings(job, now) : []),
    ...(isFirst ? tableWarnings(job, table) : []),
    ...sourceWarnings(job, source, now, table, wanted),
    ...retentionWarning(source, now, found.due.length - due.length),
    ...heldBackWarning(job, found.barred),
    ...(naming === undefined ? [] : notClosedWarning(naming, job, wanted)),
  ];
  return {
    job,
    source,
    now,
    periods,
    upToDate: found.upToDate,
    postponed: ordered.length - periods.length,
    warnings,
    refused: undefined,
    forecast: forecast(periods, source, table.answerMs.get(source.key)),
  };
}

/**
 * The oldest period date whose loads are compared with what the table has, for `Destination.read`; undefined: none is.
 * Unsettled and held keys come with their details anyway.
 */
export function detailFrom(job: Job, now: Instant, wish: Wish): LocalDate | undefined {
  const naming = namingOf(wish);
  // A hole has nothing to be compared with.
  if (naming?.which === 'missing') return undefined;
  if (naming !== undefined) return naming.from ?? job.window.begin ?? EVERYTHING;
  const [source] = job.sources;
  if (source === undefined) return undefined;
  const { newest, oldest } = newestClosed(seriesOf(job, source), job, now);
  return (oldest ?? newest).date;
}

/** What a survey of a source's periods found. */
interface Survey {
  readonly due: readonly Due[];
  /** Loaded and not due. */
  readonly upToDate: number;
  /** Kept back until tomorrow. */
  readonly barred: number;
}

/** Everything that is due by itself. */
function survey(job: Job, wanted: Wanted, now: Instant, table: TableState, wish: Wish): Survey {
  const acceptHeld = wish.kind === 'run' && wish.acceptHeld;
  const due: Due[] = [];
  let upToDate = 0;
  let barred = 0;
  const look = (period: Period, state: KeyState | undefined): void => {
    const reason = dueReason(period, state, job, wanted, now, acceptHeld);
    if (reason !== undefined && !(wish.kind === 'start' && (reason === 'lookback' || reason === 'open'))) {
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
function named(job: Job, wanted: Wanted, table: TableState, wish: Wish, naming: Naming): Survey {
  const due: Due[] = [];
  let upToDate = 0;
  for (const period of namedPeriods(naming, job, wanted, table)) {
    const state = stateOf(table, period.key);
    if (isTaken(naming.which, state, job)) {
      const urgency = wish.kind === 'backfill' ? 'history' : 'awaited';
      due.push({ period, reason: 'requested', urgency, failedAt: failedAt(state) });
    } else if (isLoaded(state)) upToDate += 1;
  }
  return { due, upToDate, barred: 0 };
}

function namingOf(wish: Wish): Naming | undefined {
  switch (wish.kind) {
    case 'tick':
    case 'start':
      return undefined;
    case 'run':
      if (wish.from === undefined && wish.to === undefined) return undefined;
      return { from: wish.from, to: wish.to, toOpen: true, which: 'all' };
    case 'backfill':
      return { from: wish.from, to: wish.to, toOpen: false, which: wish.which };
  }
}

/** A hole among the newest periods is awaited like them; any other is history. */
function urgencyOf(period: Period, reason: Reason, wanted: Wanted): Urgency {
  return reason === 'missing' && period.start < wanted.lookbackStart ? 'history' : 'awaited';
}

/** How many of the due periods one plan takes: a daemon's is bounded in its history, a person's is not. */
function lengthWithin(job: Job, wish: Wish, due: readonly Due[]): number {
  if (wish.kind === 'run' || wish.kind === 'backfill') return due.length;
  const history = due.filter(({ urgency }) => urgency === 'history').length;
  return due.length - Math.max(0, history - job.maxPeriodsPerRun);
}
