import type { Planning } from '../app.ts';
import { requestBounds } from '../core/request.ts';
import type { Job, Plan } from '../core/words.ts';
import { errorDocument } from './error-text.ts';

/** The shape of `--output json`; `jobs` is made job by job. */
export function planDocument({ now, plans, unplanned }: Planning): { now: string; jobs: Iterable<unknown> } {
  function* jobs(): Generator<unknown> {
    for (const [job, its] of Map.groupBy(plans, (plan) => plan.job)) yield jobDocument(job, its);
    for (const { job, error } of unplanned) yield { ...jobDocument(job, []), error: errorDocument(error) };
  }
  return { now: iso(now), jobs: jobs() };
}

function jobDocument(job: Job, plans: readonly Plan[]) {
  const refused = plans.find((plan) => plan.refused !== undefined)?.refused;
  return {
    job: job.name,
    table: job.table.name,
    requests: plans.reduce((sum, plan) => sum + plan.forecast.requests, 0),
    warnings: plans.flatMap((plan) => plan.warnings),
    error: refused === undefined ? null : errorDocument(refused),
    periods: plans.flatMap((plan) =>
      plan.periods.map(({ period, reason }) => ({
        period_key: period.key,
        period_date: period.date,
        period_start: iso(period.start),
        period_end: iso(period.end),
        reason,
        request: requestBounds(period),
      })),
    ),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
