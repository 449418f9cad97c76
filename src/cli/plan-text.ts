import type { Planning } from '../app.ts';
import { landColumns, matchingName } from '../core/columns.ts';
import { contractColumns, reportName } from '../core/contract.ts';
import { formatLocal } from '../core/local-time.ts';
import { describeWindow } from '../core/window.ts';
import type { Job, Plan, PlannedPeriod, Reason } from '../core/words.ts';
import { errorLines } from './error-text.ts';
import { forecastInWords, waitingTime } from './forecast.ts';
import type { Paint } from './output.ts';
import { countedPeriods, periodsInWords } from './period-names.ts';
import { count, counted, duration } from './phrases.ts';

/** More periods than this of one reason are shown as first and last. */
const NAMED = 4;
const WIDEST_REASON = 'provisional'.length;

/** What is due, for people: a block per job, then the sum. */
export function* planText(planning: Planning, paint: Paint): Generator<string> {
  const jobs = Map.groupBy(planning.plans, (plan) => plan.job);
  for (const [job, plans] of jobs) {
    yield* jobBlock(job, plans, paint);
    yield '';
  }
  for (const { job, error } of planning.unplanned) {
    yield paint('bold', job.name);
    yield* errorLines(error, paint).map(indent);
    yield '';
  }
  yield total(planning, paint);
}

function* jobBlock(job: Job, plans: readonly Plan[], paint: Paint): Generator<string> {
  yield `${paint('bold', job.name)}  ${reportName(job.report)} into ${job.destination}, table ${job.table.name}`;
  yield row('window', describeWindow(job.window));
  yield row('timezone', job.timezone + (job.timezoneWritten ? '' : ' (the default: the job names none)'));
  for (const plan of plans) {
    if (plans.length > 1) yield row('source', plan.source.name);
    if (plan.refused !== undefined) {
      yield* errorLines(plan.refused, paint).map(indent);
      continue;
    }
    const reasons = Map.groupBy(plan.periods, (planned) => planned.reason);
    if (reasons.size === 0) yield row('due', `nothing; ${counted(plan.upToDate, 'period')} loaded`);
    let title = 'due';
    for (const [reason, planned] of reasons) {
      yield row(title, reasonInWords(reason, planned));
      title = '';
    }
    if (plan.periods.length > 0) yield row('takes', forecastInWords(plan));
    if (plan.postponed > 0) yield row('later', `${counted(plan.postponed, 'period')} of history, in the next run`);
  }
  yield* personalRows(job);
  for (const { code, message } of uniqueWarnings(plans)) yield row('warning', paint('yellow', `${code}: ${message}`));
}

function reasonInWords(reason: Reason, planned: readonly PlannedPeriod[]): string {
  const grid = planned[0]?.period.grid ?? { grain: 'day', span: 1 };
  return `${reason.padEnd(WIDEST_REASON)} ${countedPeriods(planned.length, grid)}: ${periodsInWords(planned, NAMED)}`;
}

/** Which columns that identify people leave this machine, and in what form. */
function* personalRows(job: Job): Generator<string> {
  const { rules, schema } = job.table;
  const landing = landColumns(job.report, rules, schema).columns.filter((column) => column.personal);
  const dropped = new Set(rules.drop.map(matchingName));
  const parts = [
    { word: 'leave as they are', names: landing.filter((column) => !column.hashed).map((column) => column.from) },
    { word: 'leave hashed', names: landing.filter((column) => column.hashed).map((column) => column.from) },
    {
      word: 'stay here',
      names: contractColumns(job.report)
        .filter((column) => column.personal && dropped.has(column.name))
        .map((column) => column.name),
    },
  ].filter((part) => part.names.length > 0);
  let title = 'personal';
  for (const { word, names } of parts) {
    yield row(title, `${word}: ${names.join(', ')}`);
    title = '';
  }
}

function uniqueWarnings(plans: readonly Plan[]): Plan['warnings'] {
  const warnings = new Map(plans.flatMap((plan) => plan.warnings).map((warning) => [warning.message, warning]));
  return [...warnings.values()];
}

function total({ now, plans, unplanned }: Planning, paint: Paint): string {
  const refused = new Set(plans.filter((plan) => plan.refused !== undefined).map((plan) => plan.job));
  const due = plans.filter((plan) => plan.refused === undefined && plan.periods.length > 0);
  const jobs = new Set(due.map((plan) => plan.job)).size;
  const requests = due.reduce((sum, plan) => sum + plan.forecast.requests, 0);
  const zones = new Set(plans.map((plan) => plan.job.timezone));
  const [zone = 'UTC'] = zones.size === 1 ? zones : [];
  const parts = [
    jobs === 0
      ? 'nothing is due'
      : `${counted(requests, 'request')} for ${counted(jobs, 'job')}, about ${duration(waitingTime(due))}`,
    ...(unplanned.length + refused.size > 0
      ? [paint('red', `${count(unplanned.length + refused.size)} not planned`)]
      : []),
  ];
  return `At ${formatLocal(now, zone)}: ${parts.join('; ')}.`;
}

function row(title: string, text: string): string {
  return `  ${title.padEnd(9)} ${text}`;
}

function indent(line: string): string {
  return `  ${line}`;
}
