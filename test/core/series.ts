import type { Series } from '../../src/core/grid.ts';
import type { Grain, Instant, Period, Timezone, Window } from '../../src/core/words.ts';

/** The periods of `acme/users` on a grid. */
export function usersOf(timezone: Timezone, grain: Grain = 'day', span = 1): Series {
  return { source: 'acme', report: { dataType: 'users', groupBy: undefined }, grid: { grain, span, timezone } };
}

/** A window with nothing wanted but what is named. */
export function windowWith(wanted: Partial<Window>): Window {
  return { grain: 'day', span: 1, lookback: undefined, delay: 0, includeOpen: false, begin: undefined, ...wanted };
}

export const iso = (at: Instant): string => new Date(at).toISOString();
export const keys = (periods: Iterable<Period>): string[] => [...periods].map((period) => period.key);
