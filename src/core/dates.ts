import type { LocalDate } from './words.ts';

/** A calendar date as the number of days after 1970-01-01: calendar arithmetic without timezones or clocks. */
export type DayNumber = number;

export const DAY = 86_400_000;

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** True for a date that the calendar has, written `YYYY-MM-DD`. */
export function isLocalDate(text: string): boolean {
  if (!DATE.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  // Date.parse rolls 30 February over into March.
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

export function dayNumber(date: LocalDate): DayNumber {
  return Date.parse(`${date}T00:00:00Z`) / DAY;
}

/** Writing dates was most of the time that a plan of many jobs took; a century of them is 36,525 texts. */
const texts = new Map<DayNumber, LocalDate>();

export function dateOfDay(day: DayNumber): LocalDate {
  let text = texts.get(day);
  if (text === undefined) {
    text = new Date(day * DAY).toISOString().slice(0, 10);
    texts.set(day, text);
  }
  return text;
}

export function addDays(date: LocalDate, days: number): LocalDate {
  return dateOfDay(dayNumber(date) + days);
}

/** The same day `months` later, or the last day of that month where it is shorter (31 January + 1 = 28 February). */
export function addMonths(date: LocalDate, months: number): LocalDate {
  const day = dayNumber(date);
  const month = monthOf(day);
  const last = firstOfMonth(month + months + 1) - 1;
  return dateOfDay(Math.min(firstOfMonth(month + months) + day - firstOfMonth(month), last));
}

/** Days from `a` to `b`; negative where `b` is before `a`. */
export function daysBetween(a: LocalDate, b: LocalDate): number {
  return dayNumber(b) - dayNumber(a);
}

/** The month that a day is in, counted from January of the year 0. */
export function monthOf(day: DayNumber): number {
  const date = new Date(day * DAY);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** The first day of a month as `monthOf` counts them. */
export function firstOfMonth(month: number): DayNumber {
  const first = new Date(0);
  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  first.setUTCFullYear(Math.floor(month / 12), month - Math.floor(month / 12) * 12, 1);
  return first.getTime() / DAY;
}
