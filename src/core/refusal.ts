import { reportName } from './contract.ts';
import { ExportdError } from './errors.ts';
import type { Grain, Job, JobSource, Report, SourceKey, TableState, Timezone } from './words.ts';

/**
 * Why a job may not share the table with what it already holds: a table holds one report, one grain, one span, and of
 * each source one timezone; mixed grains would count usage twice. undefined: it may.
 */
export function tableRefusal(job: Job, source: JobSource, table: TableState): ExportdError | undefined {
  const held = table.exists ? table.holds : undefined;
  if (held === undefined) return undefined;
  const { grain, span } = job.window;
  const timezone = held.timezones.get(source.key);
  const alike =
    reportName(held.report) === reportName(job.report) &&
    held.grain === grain &&
    held.span === span &&
    (timezone === undefined || timezone === job.timezone);
  if (alike) return undefined;
  const there = contents(held.report, held.grain, held.span, source.key, timezone);
  const brought = contents(job.report, grain, span, source.key, job.timezone);
  return new ExportdError(
    'TABLE_REFUSED',
    `table ${job.table.name} holds ${there}; job ${job.name} brings ${brought}: use another table`,
    {
      scope: 'table',
      hint: `one table would count usage twice; give job ${job.name} a \`table:\` of its own`,
      at: ['jobs', job.name],
    },
  );
}

/** `users:model by day of acme in Europe/Berlin`, `models by rolling 30 days of acme in UTC`. */
function contents(
  report: Report,
  grain: Grain,
  span: number,
  source: SourceKey,
  timezone: Timezone | undefined,
): string {
  const periods = span === 1 ? grain : `rolling ${span} ${grain}s`;
  const place = timezone === undefined ? '' : ` of ${source} in ${timezone}`;
  return `${reportName(report)} by ${periods}${place}`;
}
