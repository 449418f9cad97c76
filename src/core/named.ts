import { addDays } from './dates.ts';
import { periodsBetween } from './grid.ts';
import { isOutdated } from './plan-warnings.ts';
import { holds, isLoaded } from './table-state.ts';
import type { Wanted } from './wanted.ts';
import type { Job, KeyState, LocalDate, Period, PlanWarning, TableState } from './words.ts';

/** Which of the named periods a backfill takes. */
export type Which = 'missing' | 'failed' | 'all' | 'outdated';

/** Periods that a person named by their dates, both inclusive. */
export interface Naming {
  /** undefined: `begin`, else the oldest loaded. */
  readonly from: LocalDate | undefined;
  /** undefined: the newest closed. */
  readonly to: LocalDate | undefined;
  /** Whether an absent `to` reaches to the open period, where the window has one. */
  readonly toOpen: boolean;
  readonly which: Which;
}

/** The closed periods that were named, oldest first, and the open one where the window has it, whatever the ledger says. */
export function* namedPeriods(naming: Naming, job: Job, wanted: Wanted, table: TableState): Generator<Period> {
  const { series, newest, open } = wanted;
  const from = naming.from ?? job.window.begin ?? oldestKnown(naming.which, wanted, table);
  // Of hours, a date may have closed ones on both sides of midnight where clocks are set back past it.
  const last = addDays(newest.date, 1);
  for (const period of periodsBetween(series, from, naming.to === undefined || naming.to > last ? last : naming.to)) {
    if (period.start > newest.start) break;
    yield period;
  }
  const reachesOpen = open !== undefined && (naming.to === undefined ? naming.toOpen : naming.to >= open.date);
  if (reachesOpen && open.date >= from) yield open;
}

/** Whether a backfill takes the period: a hole, one that failed last, any, or one loaded under another policy. */
export function isTaken(which: Which, state: KeyState | undefined, job: Job): boolean {
  switch (which) {
    case 'missing':
      return state?.outcome === undefined;
    case 'failed':
      return state?.failed?.last === true;
    case 'all':
      return true;
    case 'outdated':
      return state !== undefined && isOutdated(state, job);
  }
}

/** Said where a person names periods that are not over yet. */
export function notClosedWarning({ to }: Naming, job: Job, { newest, open }: Wanted): PlanWarning[] {
  const last = open?.date ?? newest.date;
  if (to === undefined || to <= last) return [];
  return [
    {
      code: 'NOT_CLOSED',
      message: `periods of job ${job.name} after ${last} are not closed yet: left out`,
    },
  ];
}

/** Date of the oldest period that the ledger knows of this source: loaded, or for `failed` tried. */
function oldestKnown(which: Which, wanted: Wanted, table: TableState): LocalDate {
  const { source } = wanted.series;
  let oldest = table.firstPlanned.get(source) ?? wanted.closed[0]?.date ?? wanted.newest.date;
  for (const state of table.states.values()) {
    if (state.source !== source || state.periodDate >= oldest || !holds(table, state)) continue;
    if (which === 'failed' ? state.failed?.last === true : isLoaded(state)) oldest = state.periodDate;
  }
  return oldest;
}
