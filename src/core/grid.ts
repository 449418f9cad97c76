import { type GrainNumber, grainDate, grainHolding, grainOfDate, grainStart, HOUR, vanished } from './grains.ts';
import { periodEnding, type Series } from './period-key.ts';
import type { Instant, LocalDate, Period, Window } from './words.ts';

export type { Series } from './period-key.ts';

/**
 * Which periods exist. A period of a grid is named by its last grain: periods of span 1 tile time without a gap or an
 * overlap, periods of a longer span overlap and end one grain apart.
 */

/** Periods whose `date` lies in [from, to], oldest first. */
export function* periodsBetween(series: Series, from: LocalDate, to: LocalDate): Generator<Period> {
  const { grid } = series;
  // Hours of one date may lie on both sides of an hour of another: some zones set their clocks back past midnight.
  const [before, after] = grid.grain === 'hour' ? [24, 48] : [0, 0];
  const last = grainOfDate(grid, to) + after;
  for (let grain = grainOfDate(grid, from) - before; grain <= last; grain += 1) {
    const date = grainDate(grid, grain);
    if (from <= date && date <= to && !vanished(grid, grain)) yield periodEnding(series, grain);
  }
}

/** The newest period that had ended by an instant. */
export function newestEndedBy(series: Series, at: Instant): Period {
  return periodEnding(series, present(series, grainHolding(series.grid, at) - 1, -1));
}

/** The period whose last grain holds an instant: today, or the thirty days up to and with today. */
export function openAt(series: Series, at: Instant): Period {
  return periodEnding(series, grainHolding(series.grid, at));
}

/** The period that ends one grain earlier. */
export function previous(series: Series, period: Period): Period {
  return periodEnding(series, present(series, lastGrain(period) - 1, -1));
}

/** The period that ends one grain later. */
export function next(series: Series, period: Period): Period {
  return periodEnding(series, present(series, lastGrain(period) + 1, 1));
}

/** True once a period's `delay` is over. */
export function isClosed(period: Period, window: Window, at: Instant): boolean {
  return at >= period.end + window.delay;
}

/**
 * When a period has been exported as often as its window wants: at the boundary `lookback` - 1 grains after its end,
 * plus `delay`. An export that left later is its last.
 */
export function settlesAt(period: Period, window: Window): Instant {
  let last = lastGrain(period);
  for (let more = (window.lookback ?? 1) - 1; more > 0; more -= 1) last = present(period, last + 1, 1);
  return grainStart(period.grid, last + 1) + window.delay;
}

function lastGrain(period: Period): GrainNumber {
  return period.grid.grain === 'hour' ? period.end / HOUR - 1 : grainOfDate(period.grid, period.date);
}

/** `grain`, or the next one in a direction that its zone has. */
function present(series: Pick<Series, 'grid'>, grain: GrainNumber, direction: 1 | -1): GrainNumber {
  let there = grain;
  while (vanished(series.grid, there)) there += direction;
  return there;
}
