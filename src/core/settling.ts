import { settlesAt } from './grid.ts';
import type { Instant, Period, Window } from './words.ts';

const DAY = 24 * 60 * 60 * 1000;

/**
 * The instant from which an export of the period is final: the boundary `lookback` − 1 grains after its end, + `delay`.
 * Usage may arrive late, so a period that came back empty is not believed before a day after its end.
 */
export function settledFrom(period: Period, window: Window, empty: boolean): Instant {
  const settles = settlesAt(period, window);
  return empty ? Math.max(settles, period.end + DAY) : settles;
}
