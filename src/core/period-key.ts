import { dataTypeNamed, GROUPINGS, reportName } from './contract.ts';
import { isLocalDate } from './dates.ts';
import { type GrainNumber, grainBound, grainDate, grainFrom, grainStart, vanished } from './grains.ts';
import type { Grain, Grid, Period, PeriodKey, Report, SourceKey } from './words.ts';
import { checkTimezone } from './zones.ts';

/** The periods of one report of one source on one grid. */
export interface Series {
  readonly source: SourceKey;
  readonly report: Report;
  readonly grid: Grid;
}

/**
 * `<source key>/<data type>[:<group by>]/<start>/<end>@<timezone>`; bounds as local dates, end exclusive. Hours are
 * `2026-11-23T04` in UTC, whatever the job's timezone.
 */
export function formatKey(series: Series, start: string, end: string): PeriodKey {
  const { grain, timezone } = series.grid;
  return `${series.source}/${reportName(series.report)}/${start}/${end}@${grain === 'hour' ? 'UTC' : timezone}`;
}

/** The period whose last grain is `last`. Period and key are made here only, so that they cannot disagree. */
export function periodEnding(series: Series, last: GrainNumber): Period {
  const { source, report, grid } = series;
  const first = last - grid.span + 1;
  return {
    key: formatKey(series, grainBound(grid.grain, first), grainBound(grid.grain, last + 1)),
    source,
    report,
    grid,
    date: grainDate(grid, last),
    start: grainStart(grid, first),
    end: grainStart(grid, last + 1),
  };
}

const KEY = /^([a-z][a-z0-9_-]*)\/([a-z-]+)(?::([a-z]+))?\/([0-9T-]+)\/([0-9T-]+)@(.+)$/;
const COARSEST_FIRST: readonly Grain[] = ['year', 'quarter', 'month', 'week', 'day'];

/**
 * The period that a key names, or undefined for any text that `formatKey` would not write.
 *
 * A key holds its bounds, source and report but not its grid: 1 November to 1 December is a month and also thirty
 * rolling days. Where the grid is known (from the ledger), pass it; a key off that grid is undefined. Otherwise the
 * grid is the coarsest grain that both bounds are boundaries of, and an hour's timezone is UTC.
 */
export function parseKey(text: PeriodKey, grid?: Grid): Period | undefined {
  const [, source, type, grouping, start, end, timezone] = KEY.exec(text) ?? [];
  if (source === undefined || type === undefined) return undefined;
  if (start === undefined || end === undefined || timezone === undefined) return undefined;
  const report = reportOf(type, grouping);
  const on = grid ?? gridOf(start, end, timezone);
  if (report === undefined || on === undefined) return undefined;
  const after = grainFrom(on.grain, end);
  if (after === undefined || (on.grain !== 'hour' && vanished(on, after - 1))) return undefined;
  const period = periodEnding({ source, report, grid: on }, after - 1);
  return period.key === text ? period : undefined;
}

function reportOf(type: string, grouping: string | undefined): Report | undefined {
  const dataType = dataTypeNamed(type);
  if (dataType === undefined) return undefined;
  if (grouping === undefined) return { dataType, groupBy: undefined };
  const groupBy = GROUPINGS[dataType].find((known) => known === grouping);
  return groupBy === undefined ? undefined : { dataType, groupBy };
}

function gridOf(start: string, end: string, timezone: string): Grid | undefined {
  if (!checkTimezone(timezone).ok) return undefined;
  const grains = isLocalDate(start) && isLocalDate(end) ? COARSEST_FIRST : (['hour'] as const);
  for (const grain of grains) {
    const first = grainFrom(grain, start);
    const after = grainFrom(grain, end);
    if (first !== undefined && after !== undefined && first < after) return { grain, span: after - first, timezone };
  }
  return undefined;
}
