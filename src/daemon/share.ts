import type { Planning } from '../app.ts';
import { withholdsEmpties } from '../core/withheld.ts';
import type { Plan, PlannedPeriod, TableState, Urgency } from '../core/words.ts';
import type { Cause } from './daemon-events.ts';

/** What of a table's plans runs now. */
export interface Share {
  readonly planning: Planning;
  /** What its place is decided by: `awaited` goes first, and history never takes every place. */
  readonly urgency: Urgency;
  /** History was left out: it follows, after other jobs' due work. */
  readonly leavesHistory: boolean;
}

/**
 * What people wait for runs first and by itself, so that a year of one job's history stands before nobody's report of
 * today. Undefined: nothing is to be done.
 *
 * A source that has brought nothing to the table yet is not divided: only from all its periods does a run see that every
 * one of them is empty, and holds them.
 */
export function shareOf(planning: Planning, why: Cause): Share | undefined {
  const { plans, states } = planning;
  const has = (urgency: Urgency) => plans.some(({ periods }) => periods.some((period) => period.urgency === urgency));
  const [awaited, history] = [has('awaited'), has('history')];
  if (!awaited && !history) {
    // A run tells of a plan that was refused, though it has nothing to do.
    const isRefused = plans.some(({ refused }) => refused !== undefined);
    return isRefused ? { planning, urgency: 'awaited', leavesHistory: false } : undefined;
  }
  if (why === 'person') return { planning, urgency: awaited ? 'awaited' : 'history', leavesHistory: false };
  const isDivisible = plans.every((plan) => hasBrought(plan, states.get(plan.job.name)));
  if (!isDivisible) return { planning, urgency: history ? 'history' : 'awaited', leavesHistory: false };
  const urgency = why === 'rest' || !awaited ? 'history' : 'awaited';
  if (urgency === 'history' && !history) return undefined;
  return { planning: only(planning, urgency), urgency, leavesHistory: urgency === 'awaited' && history };
}

function hasBrought({ source }: Plan, state: TableState | undefined): boolean {
  return state !== undefined && !withholdsEmpties(state, source.key);
}

function only(planning: Planning, urgency: Urgency): Planning {
  const isOf = (period: PlannedPeriod) => period.urgency === urgency;
  return { ...planning, plans: planning.plans.map((plan) => ({ ...plan, periods: plan.periods.filter(isOf) })) };
}
