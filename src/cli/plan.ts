import { openApp, type Planning } from '../app.ts';
import { requestBounds } from '../core/request.ts';
import type { Job, Plan } from '../core/words.ts';
import type { CommandContext, Exit } from './command.ts';
import { errorDocument } from './error-text.ts';
import { chooseJobs, readConfig } from './jobs.ts';
import type { Output } from './output.ts';
import { planText } from './plan-text.ts';
import { instantGiven } from './words-given.ts';

export interface PlanOptions {
  readonly at?: string;
}

/** `exportd plan`: what is due, and why. Reads the warehouse's ledger, asks no source, writes nothing. */
export async function plan(names: readonly string[], options: PlanOptions, context: CommandContext): Promise<Exit> {
  const { clock, stop, output } = context;
  const now = options.at === undefined ? clock() : instantGiven('--at', options.at);
  const config = await readConfig(context);
  await using app = await openApp({ config, clock, emit: () => undefined, concurrency: undefined });
  const planning = await app.plan(
    chooseJobs(config, names),
    { kind: 'run', from: undefined, to: undefined, acceptHeld: false },
    now,
    stop,
  );
  await printPlanning(planning, output);
  return exitOfPlanning(planning);
}

export async function printPlanning(planning: Planning, output: Output): Promise<void> {
  if (output.format === 'json') await output.document(planDocument(planning));
  else await output.print(planText(planning, output.paint));
}

/** 1 where a job could not be planned. */
export function exitOfPlanning({ plans, unplanned }: Planning): 0 | 1 {
  return unplanned.length > 0 || plans.some((plan) => plan.refused !== undefined) ? 1 : 0;
}

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
