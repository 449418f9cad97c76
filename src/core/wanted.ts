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

/** The newest closed period, and the oldest of the newest `lookback` ones (undefined where lookback is 0). */
export function newestClosed(
  series: Series,
  job: Job,
  now: Instant,
): { readonly newest: Period; readonly oldest: Period | undefined } {
  const newest = newestEndedBy(series, now - job.window.delay);
  const lookback = job.window.lookback ?? 1;
  let oldest = lookback > 0 ? newest : undefined;
  for (let n = 1; oldest !== undefined && n < lookback; n += 1) oldest = previous(series, oldest);
  return { newest, oldest };
}

/**
 * Closed periods from `begin` on, the newest `lookback` closed ones (none before a `begin` that is set), and the open
 * one where asked. `begin` unset: the oldest period that a plan ever loaded into this table from this source.
 */
export function wantedPeriods(job: Job, source: JobSource, now: Instant, table: TableState): Wanted {
  const series = seriesOf(job, source);
  const { newest, oldest } = newestClosed(series, job, now);
  const lookbackStart = oldest?.start ?? newest.end;
  const { begin, includeOpen } = job.window;
  const planned = begin ?? table.firstPlanned.get(source.key);
  const lookback = begin === undefined ? oldest?.date : undefined;
  const from = planned === undefined || (lookback !== undefined && lookback < planned) ? lookback : planned;
  const plannedStart = begin === undefined ? firstStart(series, planned, table) : -Infinity;
  const closed: Period[] = [];
  if (from !== undefined) {
    // Dates are coarser than hours, and clocks set back past midnight make them run backwards: a day more on both ends.
    for (const period of periodsBetween(series, addDays(from, -1), addDays(newest.date, 1))) {
      if (period.start > newest.start) break;
      const isPlanned = planned !== undefined && period.date >= planned && period.start >= plannedStart;
      if (isPlanned || (lookback !== undefined && period.start >= lookbackStart)) closed.push(period);
    }
  }
  return { series, closed, newest, lookbackStart, open: includeOpen ? openAt(series, now) : undefined };
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
