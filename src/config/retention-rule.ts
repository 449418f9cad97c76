import { DAY } from '../core/dates.ts';
import { periodsBetween } from '../core/grid.ts';
import { retentionEdge } from '../core/retention.ts';
import type { Grain, Grid, History } from '../core/words.ts';

const LONGEST_DAYS: Readonly<Record<Grain, number>> = {
  hour: 1 / 24,
  day: 1,
  week: 7,
  month: 31,
  quarter: 92,
  year: 366,
};
const SHORTEST_DAYS: Readonly<Record<History['unit'], number>> = { day: 1, month: 28, year: 365 };

const answers = new Map<string, boolean>();

/**
 * Whether a period of this grid, at the very moment it closes, already reaches back past what the source keeps, in every
 * year: it could then never be exported whole. Looked up in a full cycle of leap years; leap days can decide.
 */
export function neverWithin(grid: Grid, delay: number, history: History): boolean {
  const needs = LONGEST_DAYS[grid.grain] * grid.span + delay / DAY;
  // The edge is a UTC day's start plus one day, and a zone is up to 14 hours off it.
  if (needs + 3 <= SHORTEST_DAYS[history.unit] * history.amount) return false;
  const key = JSON.stringify([grid, delay, history]);
  const answer = answers.get(key) ?? isNeverWithin(grid, delay, history);
  answers.set(key, answer);
  return answer;
}

function isNeverWithin(grid: Grid, delay: number, history: History): boolean {
  const series = { source: 'any', report: { dataType: 'users', groupBy: undefined }, grid } as const;
  for (const period of periodsBetween(series, '2024-01-01', '2027-12-31')) {
    if (period.start >= retentionEdge(history, period.end + delay)) return false;
  }
  return true;
}
