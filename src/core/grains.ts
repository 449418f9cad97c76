import { DAY, type DayNumber, dateOfDay, dayNumber, firstOfMonth, monthOf } from './dates.ts';
import { earliestInstant, localDateOf } from './local-time.ts';
import type { Grain, Grid, Instant, LocalDate } from './words.ts';

/**
 * The grains of a grid, numbered: neighbours differ by one, so that stepping through time is counting and never adding
 * to a date. Hours are hours of UTC; every other grain starts where a local date does.
 */
export type GrainNumber = number;

export const HOUR = 3_600_000;

interface Calendar {
  /** The day on which a grain starts. */
  readonly firstDay: (grain: GrainNumber) => DayNumber;
  /** The grain that a day is in. */
  readonly ofDay: (day: DayNumber) => GrainNumber;
}

const CALENDARS: Readonly<Record<Exclude<Grain, 'hour'>, Calendar>> = {
  day: { firstDay: (grain) => grain, ofDay: (day) => day },
  // ISO weeks start on Monday; 1970-01-01 was a Thursday.
  week: { firstDay: (grain) => grain * 7 - 3, ofDay: (day) => Math.floor((day + 3) / 7) },
  month: { firstDay: firstOfMonth, ofDay: monthOf },
  quarter: { firstDay: (grain) => firstOfMonth(grain * 3), ofDay: (day) => Math.floor(monthOf(day) / 3) },
  year: { firstDay: (grain) => firstOfMonth(grain * 12), ofDay: (day) => Math.floor(monthOf(day) / 12) },
};

export function grainStart(grid: Grid, grain: GrainNumber): Instant {
  if (grid.grain === 'hour') return grain * HOUR;
  return earliestInstant(CALENDARS[grid.grain].firstDay(grain) * DAY, grid.timezone);
}

/** The local date on which a grain starts. */
export function grainDate(grid: Grid, grain: GrainNumber): LocalDate {
  if (grid.grain === 'hour') return localDateOf(grain * HOUR, grid.timezone);
  return dateOfDay(CALENDARS[grid.grain].firstDay(grain));
}

/** A grain's start as keys write it: `2026-11-23`, or `2026-11-23T04` for an hour. */
export function grainBound(grain: Grain, number: GrainNumber): string {
  if (grain === 'hour') {
    const day = Math.floor(number / 24);
    return `${dateOfDay(day)}T${String(number - day * 24).padStart(2, '0')}`;
  }
  return dateOfDay(CALENDARS[grain].firstDay(number));
}

/** The grain that starts at a bound as `grainBound` writes it; undefined where none does. */
export function grainFrom(grain: Grain, bound: string): GrainNumber | undefined {
  const number = grain === 'hour' ? Date.parse(`${bound}:00:00Z`) / HOUR : CALENDARS[grain].ofDay(dayNumber(bound));
  return Number.isInteger(number) && grainBound(grain, number) === bound ? number : undefined;
}

/** The grain that a local date is in; its first hour for hours. */
export function grainOfDate(grid: Grid, date: LocalDate): GrainNumber {
  if (grid.grain === 'hour') return Math.floor(earliestInstant(dayNumber(date) * DAY, grid.timezone) / HOUR);
  return CALENDARS[grid.grain].ofDay(dayNumber(date));
}

/** The grain whose [start, end) holds an instant. */
export function grainHolding(grid: Grid, at: Instant): GrainNumber {
  if (grid.grain === 'hour') return Math.floor(at / HOUR);
  // While a set-back midnight is passed a second time, clocks show yesterday's date in what is today's grain already.
  let grain = CALENDARS[grid.grain].ofDay(dayNumber(localDateOf(at, grid.timezone))) + 1;
  while (grainStart(grid, grain) > at) grain -= 1;
  return grain;
}

/** True for a date that its zone skipped: it starts where it ends, and is no period. Longer grains never vanish. */
export function vanished(grid: Grid, grain: GrainNumber): boolean {
  return grid.grain === 'day' && grainStart(grid, grain) === grainStart(grid, grain + 1);
}
