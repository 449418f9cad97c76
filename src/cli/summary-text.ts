import type { Planning, RunSummary } from '../app.ts';
import type { ExportdError } from '../core/errors.ts';
import type { PeriodOutcome } from '../run/events.ts';
import { errorLines } from './error-text.ts';
import type { Paint } from './output.ts';
import { namesOf } from './period-names.ts';
import { count, counted, list } from './phrases.ts';
import type { Restatement } from './restatements.ts';
import { textTable } from './table.ts';

interface Result {
  readonly planning: Planning;
  readonly summary: RunSummary;
  readonly restated: readonly Restatement[];
  readonly paint: Paint;
}

type Ended = RunSummary['periods'][number];

const OUTCOMES: readonly PeriodOutcome[] = ['loaded', 'unchanged', 'empty', 'forgotten', 'held', 'failed', 'skipped'];
/** More periods than this with one and the same error are shown as first and last. */
const NAMED = 3;
/** More errors of one code than this, each with figures of its own, are counted. */
const TOLD = 3;

/** What came of a run, for people: a table of jobs and outcomes, then whatever somebody should know of or act on. */
export function* summaryText({ planning, summary, restated, paint }: Result): Generator<string> {
  const nameOf = namesOf(planning.plans);
  if (summary.periods.length > 0) yield* outcomeTable(summary.periods, paint);

  if (restated.length > 0) {
    yield '';
    yield `${paint('bold', 'Restated')}: usage of ${counted(restated.length, 'period')} has changed since the last load`;
    for (const { job, key, rows, was, columns } of restated) {
      const change = rows === was ? counted(rows, 'row') : `${count(was)} → ${counted(rows, 'row')}`;
      yield `  ${job} ${nameOf(key)}  ${change}${otherSums(columns)}`;
    }
  }
  for (const outcome of ['held', 'failed', 'skipped'] as const) {
    const troubled = summary.periods.filter(
      (period) => period.outcome === outcome && period.error?.code !== 'INTERRUPTED',
    );
    yield* troubles(outcome, troubled, nameOf, paint);
  }
  yield* notPlanned(planning, paint);
  yield '';
  yield lastLine(planning, summary);
}

/** Ranks follow from the counts: that they changed too is no news. */
function otherSums(columns: readonly string[]): string {
  const told = columns.filter((column) => !column.endsWith('_rank'));
  if (told.length === 0) return '';
  const more = told.length > NAMED ? [`${told.length - NAMED} more`] : [];
  return `, other sums of ${list([...told.slice(0, NAMED), ...more])}`;
}

function* outcomeTable(periods: readonly Ended[], paint: Paint): Generator<string> {
  const seen = OUTCOMES.filter((outcome) => periods.some((period) => period.outcome === outcome));
  const rows = [...Map.groupBy(periods, (period) => period.job)].map(([job, its]) => [
    job,
    ...seen.map((outcome) => count(its.filter((period) => period.outcome === outcome).length)),
    count(its.reduce((sum, period) => sum + (period.outcome === 'loaded' ? period.rows : 0), 0)),
  ]);
  const titles = ['job', ...seen, 'rows loaded'];
  const [head = '', ...body] = textTable(
    titles.map((title, i) => ({ title, align: i === 0 ? 'left' : 'right' })),
    rows,
  );
  yield paint('bold', head);
  yield* body;
}

/** One block for all periods of a job that have the same error: a refused key is one piece of news, not 365, and so is a year held. */
function* troubles(
  outcome: PeriodOutcome,
  periods: readonly Ended[],
  nameOf: (key: string) => string,
  paint: Paint,
): Generator<string> {
  const title = paint('bold', outcome[0]?.toUpperCase() + outcome.slice(1));
  for (const ofCode of Map.groupBy(periods, ({ job, error }) => `${job} ${error?.code}`).values()) {
    const alike = [...Map.groupBy(ofCode, ({ error }) => error?.message).values()];
    for (const group of alike.slice(0, TOLD)) {
      const [{ job, error } = { job: '', error: undefined }] = group;
      yield '';
      yield `${title}: ${job} ${named(group, nameOf)}`;
      if (error !== undefined) yield* indented(error, paint);
    }
    const others = alike.slice(TOLD).flat();
    const [{ job, error } = { job: '', error: undefined }] = others;
    if (error === undefined) continue;
    yield '';
    yield `${title}: ${job} ${named(others, nameOf)}`;
    yield `  ${paint('red', `error ${error.code}:`)} likewise, each with figures of its own (--output json tells them)`;
  }
}

function named(group: readonly Ended[], nameOf: (key: string) => string): string {
  const names = group.map(({ key }) => nameOf(key)).sort();
  if (names.length <= NAMED) return names.join(', ');
  return `${names[0]} … ${names.at(-1)} (${counted(names.length, 'period')})`;
}

function* notPlanned({ plans, unplanned }: Planning, paint: Paint): Generator<string> {
  const refused = plans.flatMap(({ job, refused: error }) => (error === undefined ? [] : [{ job, error }]));
  for (const { job, error } of [...unplanned, ...refused]) {
    yield '';
    yield `${paint('bold', 'Not planned')}: ${job.name}`;
    yield* indented(error, paint);
  }
}

function* indented(error: ExportdError, paint: Paint): Generator<string> {
  for (const line of errorLines(error, paint)) yield `  ${line}`;
}

function lastLine({ plans }: Planning, { interrupted, periods, outcomes }: RunSummary): string {
  if (interrupted) return 'Interrupted: the same command goes on where this one stopped.';
  const troubles = (['failed', 'held', 'skipped'] as const).filter((outcome) => outcomes[outcome] > 0);
  if (troubles.length > 0) {
    const counts = troubles.map((outcome) => `${count(outcomes[outcome])} ${outcome}`);
    return `Of ${counted(periods.length, 'period')} ${list(counts)}.`;
  }
  if (periods.length > 0) return `Done: ${counted(periods.length, 'period')}.`;
  return plans.every(({ refused }) => refused !== undefined) ? 'Nothing was done.' : 'Nothing was due.';
}
