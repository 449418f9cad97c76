import { daysBetween } from './dates.ts';
import { localDateOf, offsetAt } from './local-time.ts';
import { edgeOf, historyText } from './retention.ts';
import { holds, stateOf } from './table-state.ts';
import type { Wanted } from './wanted.ts';
import { partitionLimit } from './warehouses.ts';
import type { Instant, Job, JobSource, KeyState, PlanWarning, TableState } from './words.ts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

/** What a person should know of the job's window, whatever its table holds. */
export function windowWarnings(job: Job, now: Instant): PlanWarning[] {
  const warnings: PlanWarning[] = [];
  if (!job.timezoneWritten) {
    warnings.push({
      code: 'TIMEZONE_DEFAULT',
      message: `job ${job.name} names no timezone: its periods are those of ${job.timezone}`,
    });
  }
  if (job.window.grain === 'hour' && offsetAt(now, job.timezone) % HOUR !== 0) {
    warnings.push({
      code: 'HOURS_IN_UTC',
      message: `hours are UTC hours: ${job.timezone} is off the whole hour, so local hours lie across two of them`,
    });
  }
  warnings.push(...partitionWarning(job, now));
  const grain = job.window.grain === 'hour' ? HOUR : DAY;
  const open = ((job.window.lookback ?? 1) - 1) * grain + job.window.delay;
  if (open < DAY) {
    const enough = Math.ceil((DAY - job.window.delay) / grain) + 1;
    warnings.push({
      code: 'LATE_USAGE',
      message:
        `usage may settle up to a day late, and the last export of a period may leave ${hours(open)} after its end: ` +
        `lookback: ${enough} leaves a day for corrections`,
    });
  }
  return warnings;
}

/** More history than its warehouse has partitions for: the load that crosses the limit would fail. */
function partitionWarning({ name, table, window, timezone }: Job, now: Instant): PlanWarning[] {
  const most = partitionLimit(table.warehouse);
  const { begin, grain } = window;
  if (begin === undefined || grain === 'month' || grain === 'quarter' || grain === 'year') return [];
  const days = daysBetween(begin, localDateOf(now, timezone)) + 1;
  const wanted = grain === 'week' ? Math.ceil(days / 7) : days;
  if (wanted <= most) return [];
  return [
    {
      code: 'TOO_MANY_PARTITIONS',
      message:
        `job ${name} wants ${wanted} daily partitions of table ${table.name}, and a table takes ${most}: ` +
        'let window.begin be later, or load by month into another table',
    },
  ];
}

/** What a person should know of the job's table, said once for all sources. */
export function tableWarnings(job: Job, table: TableState): PlanWarning[] {
  const warnings: PlanWarning[] = [];
  const broken = table.exists
    ? [...table.present].filter(([key, rows]) => rows !== (stateOf(table, key)?.rows ?? 0))
    : [];
  if (table.exists && (table.rows !== table.ledgerRows || broken.length > 0)) {
    const [first] = broken;
    const some = first === undefined ? '' : `, ${counted(broken.length, 'period')} not whole, e.g. ${first[0]}`;
    warnings.push({
      code: 'ROWS_DIFFER',
      message:
        `table ${job.table.name} holds ${counted(table.rows, 'row')} where the ledger says ${table.ledgerRows}${some}: ` +
        `something else changed it; exportd backfill ${job.name} --all loads its periods again`,
    });
  }
  if (table.instances.length > 0) {
    warnings.push({
      code: 'OTHER_INSTANCES',
      message:
        `another exportd wrote to table ${job.table.name} in the last 15 minutes (${table.instances.join(', ')}): ` +
        'harmless to the data, but requests are made twice',
    });
  }
  return warnings;
}

/** What a person should know of one source's periods in the job's table. */
export function sourceWarnings(
  job: Job,
  source: JobSource,
  now: Instant,
  table: TableState,
  wanted: Wanted,
): PlanWarning[] {
  const warnings: PlanWarning[] = [];
  const edge = edgeOf(source, now);
  let outdated = 0;
  let kept = 0;
  for (const state of table.states.values()) {
    if (state.source !== source.key || !holds(table, state) || !isOutdated(state, job)) continue;
    outdated += 1;
    if (state.start >= edge) kept += 1;
  }
  if (outdated > 0) {
    warnings.push({
      code: 'POLICY_OUTDATED',
      message:
        `${counted(outdated, 'period')} of ${source.key} loaded under other \`columns:\` or \`schema:\` rules than the job's, ` +
        `${source.name} still keeps ${kept}: exportd backfill ${job.name} --outdated loads those again`,
    });
  }
  const { open } = wanted;
  if (open !== undefined && source.history !== undefined && edgeOf(source, open.end + job.window.delay) > open.start) {
    warnings.push({
      code: 'NEVER_SETTLES',
      message:
        `${source.name} keeps ${historyText(source.history)}: it can no longer settle the open ${job.window.grain} ` +
        `${open.date} once that has closed; its last export stays provisional`,
    });
  }
  return warnings;
}

/** Periods that were due and reach back past what the source keeps. */
export function retentionWarning(source: JobSource, now: Instant, cut: number): PlanWarning[] {
  if (cut === 0 || source.history === undefined) return [];
  const edge = localDateOf(edgeOf(source, now), 'UTC');
  return [
    {
      code: 'PAST_RETENTION',
      message:
        `${source.name} keeps ${historyText(source.history)}: ${counted(cut, 'period')} that ` +
        `${cut === 1 ? 'reaches' : 'reach'} back before ${edge} (UTC) left out`,
    },
  ];
}

/** Periods that were held or failed today, and are not asked for again before tomorrow. */
export function heldBackWarning(job: Job, barred: number): PlanWarning[] {
  if (barred === 0) return [];
  return [
    {
      code: 'ONCE_A_DAY',
      message:
        `${counted(barred, 'period')} held today, or failed with an error that only a person cures: tried again tomorrow; ` +
        `to try now, name the dates: exportd run ${job.name} --from DATE --to DATE`,
    },
  ];
}

/** True where the table holds rows of the key that were loaded under another policy than the job's. */
export function isOutdated(state: KeyState, job: Job): boolean {
  return (state.outcome === 'loaded' || state.outcome === 'unchanged') && state.policy !== job.table.policy;
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function hours(ms: number): string {
  return `${Math.round((ms / HOUR) * 10) / 10} h`;
}
