import { openApp, type RunSummary } from '../app.ts';
import type { Config } from '../config/load.ts';
import type { Wish } from '../core/plan.ts';
import type { Instant, Job, Plan, TableState } from '../core/words.ts';
import type { CommandContext, Exit } from './command.ts';
import { errorDocument } from './error-text.ts';
import { needLedgers } from './jobs.ts';
import { exitOfPlanning, printPlanning } from './plan.ts';
import { type Restatement, restatementOf } from './restatements.ts';
import { summaryText } from './summary-text.ts';
import { openTelling, type Telling } from './telling.ts';

export interface Errand {
  readonly jobs: readonly Job[];
  readonly wish: Wish;
  readonly now: Instant;
  readonly acceptHeld: boolean;
  /** Show the plan, load nothing. */
  readonly dryRun: boolean;
  /** Lowers the sources' own. */
  readonly concurrency: number | undefined;
}

/** What `run` and `backfill` share: plan, carry out while telling how it goes, sum up. */
export async function carryOut(config: Config, context: CommandContext, errand: Errand): Promise<Exit> {
  const { output } = context;
  if (errand.dryRun) needLedgers(config, errand.jobs);
  else config.need(errand.jobs);
  const { planning, summary, restated } = await work(config, context, errand);
  if (summary === undefined) {
    await printPlanning(planning, output);
    return exitOfPlanning(planning);
  }
  if (output.format === 'json') await output.document(summaryDocument(summary));
  else await output.print(summaryText({ planning, summary, restated, paint: output.paint }));
  if (summary.interrupted) return 'interrupted';
  const { failed, held } = summary.outcomes;
  return failed + held > 0 ? 1 : exitOfPlanning(planning);
}

/** Everything that needs the app open; nothing of it is, and the screen is clean, when this returns. */
async function work(config: Config, context: CommandContext, errand: Errand) {
  const { stop, clock } = context;
  const restated: Restatement[] = [];
  let before: ReadonlyMap<string, TableState> = new Map();
  using telling = await openTelling(context);
  await using app = await openApp({
    config,
    clock,
    concurrency: errand.concurrency,
    emit(event) {
      // Several jobs may be told of one load. No entry is kept: a long backfill has hundreds of thousands.
      if (event.type === 'period.done' && event.entry?.job === event.job) {
        const restatement = restatementOf(event.entry, before);
        if (restatement !== undefined) restated.push(restatement);
      }
      telling.emit(event);
    },
  });
  const planning = await app.plan(errand.jobs, errand.wish, errand.now, stop, { toShow: errand.dryRun });
  before = planning.states;
  if (errand.dryRun) return { planning, summary: undefined, restated };
  tellWarnings(planning.plans, telling);
  const stopping = () => telling.say(STOPPING);
  stop.addEventListener('abort', stopping, { once: true });
  const summary = await app.carryOut(planning, { acceptHeld: errand.acceptHeld, stop });
  stop.removeEventListener('abort', stopping);
  return { planning, summary, restated };
}

const STOPPING = 'stopping: no new period starts, what has arrived is committed (again to stop at once)';

/** Of the config alone, and the same every day: `plan` says them, a run that does its work need not. */
const STANDING = new Set(['TIMEZONE_DEFAULT', 'HOURS_IN_UTC', 'LATE_USAGE']);

function tellWarnings(plans: readonly Plan[], telling: Telling): void {
  const messages = plans.flatMap((plan) => plan.warnings).filter(({ code }) => !STANDING.has(code));
  for (const message of new Set(messages.map((warning) => warning.message))) telling.say(`warning   ${message}`);
}

/** The shape of `--output json`. */
function summaryDocument({ runId, interrupted, outcomes, periods, unplanned }: RunSummary) {
  return {
    run_id: runId,
    interrupted,
    outcomes,
    periods: periods.map(({ job, key, outcome, rows, error }) => ({
      job,
      period_key: key,
      outcome,
      row_count: rows,
      error: error === undefined ? null : errorDocument(error),
    })),
    unplanned: unplanned.map(({ job, error }) => ({ job: job.name, error: errorDocument(error) })),
  };
}
