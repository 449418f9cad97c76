import { forecast } from './forecast.ts';
import { type Naming, notClosedWarning, type Which } from './named.ts';
import { type Due, inOrder } from './order.ts';
import { heldBackWarning, retentionWarning, sourceWarnings, tableWarnings, windowWarnings } from './plan-warnings.ts';
import { tableRefusal } from './refusal.ts';
import { edgeOf } from './retention.ts';
import { survey, surveyNamed } from './survey.ts';
import { newestClosed, seriesOf, wantedPeriods } from './wanted.ts';
import type { Instant, Job, JobSource, LocalDate, Plan, PlanWarning, TableState } from './words.ts';

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
  const found =
    naming === undefined
      ? survey(job, wanted, now, table, {
          routine: wish.kind !== 'start',
          acceptHeld: wish.kind === 'run' && wish.acceptHeld,
        })
      : surveyNamed(job, wanted, table, naming, wish.kind === 'backfill' ? 'history' : 'awaited');
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
  return newestClosed(seriesOf(job, source), job, now).oldest.date;
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

/** How many of the due periods one plan takes: a daemon's is bounded in its history, a person's is not. */
function lengthWithin(job: Job, wish: Wish, due: readonly Due[]): number {
  if (wish.kind === 'run' || wish.kind === 'backfill') return due.length;
  const history = due.filter(({ urgency }) => urgency === 'history').length;
  return due.length - Math.max(0, history - job.maxPeriodsPerRun);
}
