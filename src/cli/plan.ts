import { openApp, type Planning } from '../app.ts';
import type { CommandContext, Exit } from './command.ts';
import { chooseJobs, needLedgers, readConfig } from './jobs.ts';
import type { Output } from './output.ts';
import { planDocument } from './plan-document.ts';
import { planText } from './plan-text.ts';
import { instantGiven } from './words-given.ts';

export interface PlanOptions {
  readonly at?: string;
}

/** `exportd plan`: what is due, and why. Reads the warehouse's ledger, asks no source, writes nothing. */
export async function plan(names: readonly string[], options: PlanOptions, context: CommandContext): Promise<Exit> {
  const { clock, stop, output } = context;
  const now = options.at === undefined ? clock() : instantGiven('--at', options.at);
  const config = readConfig(context);
  const jobs = chooseJobs(config, names);
  needLedgers(config, jobs);
  await using app = await openApp({ config, clock, emit: () => undefined, concurrency: undefined });
  const planning = await app.plan(jobs, { kind: 'run', from: undefined, to: undefined, acceptHeld: false }, now, stop, {
    toShow: true,
  });
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
