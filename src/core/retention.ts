import { addDays, addMonths, DAY } from './dates.ts';
import type { History, Instant, JobSource, LocalDate } from './words.ts';

/**
 * The oldest instant that a source still keeps whole at `at`: the start of the UTC day of (at − history), plus one day.
 * A period that starts before it, wholly or in part, is never asked for: the answer would have too few rows and would
 * replace good history with less. The edge moves on, so it is computed again right before each request.
 */
export function retentionEdge(history: History, at: Instant): Instant {
  return keptSince(history, at) + DAY;
}

/** The oldest instant that our own server still exports at `at`: the start of the UTC day of (at − history). */
export function keptSince(history: History, at: Instant): Instant {
  const today: LocalDate = new Date(at).toISOString().slice(0, 10);
  return Date.parse(`${back(today, history)}T00:00:00.000Z`);
}

function back(date: LocalDate, { amount, unit }: History): LocalDate {
  switch (unit) {
    case 'day':
      return addDays(date, -amount);
    case 'month':
      return addMonths(date, -amount);
    case 'year':
      return addMonths(date, -12 * amount);
  }
}

/** The retention edge of a source; −Infinity where it keeps usage for ever. */
export function edgeOf(source: JobSource, at: Instant): Instant {
  return source.history === undefined ? -Infinity : retentionEdge(source.history, at);
}

/** `12 months`, as the config writes it. */
export function historyText({ amount, unit }: History): string {
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}
