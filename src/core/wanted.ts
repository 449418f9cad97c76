import { addDays } from './dates.ts';
import { newestEndedBy, openAt, periodsBetween, previous, type Series } from './grid.ts';
import type { Instant, Job, JobSource, LocalDate, Period, TableState } from './words.ts';

/** The periods that a job wants of one of its sources at one instant: wanted = closed ∪ open. */
export interface Wanted {
  readonly series: Series;
  /** Closed and wanted, oldest first. */
  readonly closed: readonly Period[];
  /** The newest closed period, wanted or not. */
  readonly newest: Period;
  /** Closed periods that start here or later are the newest `lookback` ones. */
  readonly lookbackStart: Instant;
  /** The period whose last grain holds now, where the window asks for it. */
  readonly open: Period | undefined;
}

/** The grid of a job, for one of its sources. */
export function seriesOf(job: Job, source: JobSource): Series {
  const { grain, span } = job.window;
  return { source: source.key, report: job.report, grid: { grain, span, timezone: job.timezone } };
}

/** The newest closed period, and the oldest of the newest `lookback` ones. */
export function newestClosed(
  series: Series,
  { window }: Job,
  now: Instant,
): { readonly newest: Period; readonly oldest: Period } {
  const newest = newestEndedBy(series, now - window.delay);
  let oldest = newest;
  for (let n = 1; n < (window.lookback ?? 1); n += 1) oldest = previous(series, oldest);
  return { newest, oldest };
}

/**
 * Closed periods from `begin` on, the newest `lookback` closed ones (none before a `begin` that is set), and the open
 * one where asked. `begin` unset: the oldest period that a plan ever loaded into this table from this source.
 */
export function wantedPeriods(job: Job, source: JobSource, now: Instant, table: TableState): Wanted {
  const series = seriesOf(job, source);
  const { newest, oldest } = newestClosed(series, job, now);
  const { begin, includeOpen } = job.window;
  const planned = begin ?? table.firstPlanned.get(source.key);
  const plannedStart = begin === undefined ? firstStart(series, planned, table) : -Infinity;
  const isWanted = ({ date, start }: Period): boolean =>
    (planned !== undefined && date >= planned && start >= plannedStart) ||
    (begin === undefined && start >= oldest.start);
  const from = begin ?? (planned !== undefined && planned < oldest.date ? planned : oldest.date);
  const closed: Period[] = [];
  // Dates are coarser than hours, and clocks set back past midnight make them run backwards: a day more on both ends.
  for (const period of periodsBetween(series, addDays(from, -1), addDays(newest.date, 1))) {
    if (period.start > newest.start) break;
    if (isWanted(period)) closed.push(period);
  }
  const open = includeOpen ? openAt(series, now) : undefined;
  return { series, closed, newest, lookbackStart: oldest.start, open };
}

/**
 * Of hours, a date is many periods: the first that was loaded on the first date, so that a job that began at noon does
 * not want the morning. The whole date where its loads are not known any more.
 */
function firstStart(series: Series, date: LocalDate | undefined, table: TableState): Instant {
  if (series.grid.grain !== 'hour' || date === undefined) return -Infinity;
  let first = Infinity;
  for (const state of table.states.values()) {
    const isThen = state.source === series.source && state.periodDate === date && state.outcome !== undefined;
    if (isThen && state.start < first) first = state.start;
  }
  return first === Infinity ? -Infinity : first;
}
