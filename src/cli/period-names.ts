import type { Grain, Period, PeriodKey, Plan, PlannedPeriod } from '../core/words.ts';
import { counted } from './phrases.ts';

/** What people call a period: its date; of an hour its UTC hour, as the key has it. */
function periodName(period: Period): string {
  return period.grid.grain === 'hour' ? (period.key.split('/').at(-2) ?? period.key) : period.date;
}

/** `31 days`; of periods that overlap (span above 1) `31 periods`. */
export function countedPeriods(n: number, grid: { readonly grain: Grain; readonly span: number }): string {
  return counted(n, grid.span === 1 ? grid.grain : 'period');
}

/**
 * Names for the keys of some plans, with the source's where the job has several. A key that no plan knows is its own
 * name.
 */
export function namesOf(plans: readonly Plan[]): (key: PeriodKey) => string {
  const names = new Map<PeriodKey, string>();
  for (const plan of plans) {
    const source = plan.job.sources.length > 1 ? ` of ${plan.source.name}` : '';
    for (const { period } of plan.periods) names.set(period.key, periodName(period) + source);
  }
  return (key) => names.get(key) ?? key;
}

/** A handful by name, more as `first … last`, oldest first; `limit` is the most that are named one by one. */
export function periodsInWords(planned: readonly PlannedPeriod[], limit: number): string {
  const names = planned
    .map(({ period }) => period)
    .sort((a, b) => a.start - b.start)
    .map(periodName);
  return names.length <= limit ? names.join(', ') : `${names[0]} … ${names.at(-1)}`;
}
