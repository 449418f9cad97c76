import { openApp, type Planning } from '../app.ts';
import { type JobStatus, jobStatus } from '../core/job-status.ts';
import { formatLocal } from '../core/local-time.ts';
import type { Job } from '../core/words.ts';
import type { CommandContext, Exit } from './command.ts';
import { errorDocument, errorLines } from './error-text.ts';
import { chooseJobs, needLedgers, readConfig } from './jobs.ts';
import type { Paint } from './output.ts';
import { count } from './phrases.ts';
import { textTable } from './table.ts';

/** `exportd status`: how every job stands, by its ledger alone. Asks no source, writes nothing. */
export async function status(names: readonly string[], context: CommandContext): Promise<Exit> {
  const { clock, stop, output } = context;
  const config = readConfig(context);
  const jobs = chooseJobs(config, names);
  needLedgers(config, jobs);
  await using app = await openApp({ config, clock, emit: () => undefined, concurrency: undefined });
  const planning = await app.plan(jobs, { kind: 'tick' }, clock(), stop, { toShow: true });
  const standing = standingOf(planning, names.length > 0);
  if (output.format === 'json') await output.document(statusDocument(standing));
  else await output.print(statusText(standing, output.paint));
  return standing.unknown.length > 0 ? 1 : 0;
}

interface Standing {
  readonly jobs: readonly { readonly job: Job; readonly status: JobStatus }[];
  /** Jobs whose ledger could not be read. */
  readonly unknown: Planning['unplanned'];
  /** Tables whose job is gone from the YAML. */
  readonly orphans: Planning['orphans'];
}

function standingOf({ now, plans, states, unplanned, orphans }: Planning, someOnly: boolean): Standing {
  const jobs = [...new Set(plans.map((plan) => plan.job))].flatMap((job) => {
    const state = states.get(job.name);
    return state === undefined ? [] : [{ job, status: jobStatus(job, now, state) }];
  });
  return { jobs, unknown: unplanned, orphans: someOnly ? [] : orphans };
}

/** The shape of `--output json`; an orphaned table stands under the job that last wrote it. */
function statusDocument({ jobs, unknown, orphans }: Standing) {
  const nothing = { newest_closed: null, next_ticks: [], missing: null, provisional: null, failed: null, held: null };
  return {
    jobs: [
      ...jobs.map(({ status: its }) => ({
        job: its.job,
        table: its.table,
        state: its.state,
        newest_closed: its.newestClosed ?? null,
        next_ticks: its.nextTicks.map((tick) => new Date(tick).toISOString()),
        missing: its.missing,
        provisional: its.provisional,
        failed: its.failed,
        held: its.held,
        stale: its.stale,
        orphaned: false,
        warnings: its.warnings,
      })),
      ...unknown.map(({ job, error }) => ({
        job: job.name,
        table: job.table.name,
        state: 'unknown',
        ...nothing,
        stale: null,
        orphaned: false,
        error: errorDocument(error),
      })),
      ...orphans.map(({ job, table, destination, lastLoad }) => ({
        job,
        table,
        state: 'orphaned',
        ...nothing,
        stale: false,
        orphaned: true,
        destination,
        last_load: new Date(lastLoad).toISOString(),
      })),
    ],
  };
}

const COLUMNS = [
  { title: 'job', align: 'left' },
  { title: 'state', align: 'left' },
  { title: 'newest closed', align: 'left' },
  { title: 'next run', align: 'left' },
  { title: 'missing', align: 'right' },
  { title: 'provisional', align: 'right' },
  { title: 'failed', align: 'right' },
  { title: 'held', align: 'right' },
] as const;

function* statusText({ jobs, unknown, orphans }: Standing, paint: Paint): Generator<string> {
  if (jobs.length > 0) {
    const rows = jobs.map(({ job, status: its }) => [
      its.job,
      paintedState(its, paint),
      its.newestClosed ?? '-',
      nextRun(job, its),
      ...[its.missing, its.provisional, its.failed, its.held].map(count),
    ]);
    const [head = '', ...body] = textTable(COLUMNS, rows);
    yield paint('bold', head);
    yield* body;
  } else if (unknown.length === 0) yield 'The config has no enabled job.';
  for (const { job, error } of unknown) {
    yield '';
    yield `${paint('bold', job.name)}: not known`;
    yield* errorLines(error, paint).map((line) => `  ${line}`);
  }
  const warnings = jobs.flatMap(({ status: its }) => its.warnings);
  if (warnings.length > 0) yield '';
  for (const { message } of warnings) yield `${paint('yellow', 'warning:')} ${message}`;
  if (orphans.length > 0) {
    yield '';
    yield 'Orphaned: their jobs are gone from the config, nothing loads them any more';
    for (const { table, destination, job, lastLoad } of orphans) {
      yield `  ${destination}, table ${table}: last loaded by ${job} at ${formatLocal(lastLoad, 'UTC')}`;
    }
  }
}

function paintedState({ state }: JobStatus, paint: Paint): string {
  if (state === 'fresh') return paint('green', state);
  return paint(state === 'behind' || state === 'never loaded' ? 'yellow' : 'red', state);
}

function nextRun(job: Job, { nextTicks: [next] }: JobStatus): string {
  if (!job.enabled) return 'disabled';
  return next === undefined || job.schedule === undefined ? 'by hand' : formatLocal(next, job.schedule.timezone);
}
