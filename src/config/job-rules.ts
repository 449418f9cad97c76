import { landColumns, matchingName } from '../core/columns.ts';
import { contractColumns, DATA_TYPES, GROUPINGS } from '../core/contract.ts';
import { ExportdError } from '../core/errors.ts';
import { historyText } from '../core/retention.ts';
import { checkCron } from '../core/schedule.ts';
import { clusteringLimit, refuseNames } from '../core/warehouses.ts';
import type { DataType, Job, Report } from '../core/words.ts';
import { checkTimezone, type TimezoneCheck } from '../core/zones.ts';
import { find, pointAt } from './navigate.ts';
import { type Problem, problem, warning } from './problems.ts';
import { neverWithin } from './retention-rule.ts';
import type { JobInput } from './schema.ts';
import type { SourceConfig } from './settings.ts';
import type { Entry } from './tree.ts';
import { asRead, isFromVariable, listed } from './wording.ts';
import { didYouMean } from './words-from-elsewhere.ts';

type Path = readonly (string | number)[];

/** What a job must have once defaults lie under it. */
export function checkPresence(owner: Entry, input: JobInput): Problem[] {
  const missing = (key: string, hint: string) => problem(owner.keyPlace, `${owner.key}: ${key} is missing: ${hint}`);
  const problems: Problem[] = [];
  if (input.source === undefined) problems.push(missing('source', 'name one of sources, here or in defaults'));
  if (input.data_type === undefined) problems.push(missing('data_type', `${listed(DATA_TYPES)}`));
  if (input.destination === undefined)
    problems.push(missing('destination', 'name one of destinations, here or in defaults'));
  if (input.window === undefined) {
    problems.push(
      missing('window', 'say which periods: window: { grain: day, lookback: 3 }, or a word such as last 7 days'),
    );
  } else if (input.window.grain === undefined) {
    const { keyPlace } = find(owner, ['window']);
    problems.push(problem(keyPlace, 'window: grain is missing: hour, day, week, month, quarter or year'));
  }
  return problems;
}

/** Rules between a job's keys; only for jobs whose variables are all set. */
export function checkJob(owner: Entry, input: JobInput, job: Job, sources: readonly SourceConfig[]): Problem[] {
  return [
    ...checkGrouping(owner, job.report),
    ...checkTimezones(owner, input),
    ...checkSchedule(owner, input),
    ...checkColumns(owner, input, job),
    ...checkClustering(owner, job),
    ...checkRetries(owner, job),
    ...checkRetention(owner, job, sources),
  ];
}

function checkGrouping(owner: Entry, { dataType, groupBy }: Report): Problem[] {
  const groups = GROUPINGS[dataType];
  if (groupBy === undefined || groups.includes(groupBy)) return [];
  const can =
    groups.length === 0 ? 'cannot be grouped: take group_by away' : `can be grouped by ${listed(groups)} only`;
  return [at(owner, ['group_by'], `group_by: ${dataType} ${can}`)];
}

function checkTimezones(owner: Entry, input: JobInput): Problem[] {
  const problems = input.timezone === undefined ? [] : checkZone(owner, ['timezone'], input.timezone);
  if (typeof input.schedule !== 'object' || input.schedule?.timezone === undefined) return problems;
  return [...problems, ...checkZone(owner, ['schedule', 'timezone'], input.schedule.timezone)];
}

function checkZone(owner: Entry, path: Path, name: string): Problem[] {
  const check = zoneCheck(name);
  if (check.ok) return [];
  const { value } = find(owner, path);
  const reason =
    value !== undefined && isFromVariable(value)
      ? `${asRead(value, 'timezone')} is no timezone of the tz database`
      : check.reason;
  const hint = check.meant === undefined || reason.includes(check.meant) ? '' : `: did you mean ${check.meant}?`;
  return [at(owner, path, `timezone: ${reason}${hint}`)];
}

const zoneChecks = new Map<string, TimezoneCheck>();

/** Asking the runtime for a zone costs half a millisecond; 10,000 jobs mostly name one. */
function zoneCheck(name: string): TimezoneCheck {
  const check = zoneChecks.get(name) ?? checkTimezone(name);
  zoneChecks.set(name, check);
  return check;
}

function checkSchedule(owner: Entry, { schedule }: JobInput): Problem[] {
  if (schedule === undefined || schedule === null) return [];
  const isText = typeof schedule === 'string';
  const path = isText ? ['schedule'] : ['schedule', 'cron'];
  const wrong = checkCron(isText ? schedule : schedule.cron);
  if (wrong === undefined) return [];
  const { value } = find(owner, path);
  const shown = value !== undefined && isFromVariable(value) ? `${asRead(value, 'cron')} is no schedule` : wrong;
  return [at(owner, path, `schedule: ${shown}`)];
}

function checkColumns(owner: Entry, input: JobInput, job: Job): Problem[] {
  const { rules, schema, hashKey } = job.table;
  const problems: Problem[] = [];
  if (rules.hash.length > 0 && hashKey === undefined) {
    const hint = 'hash_key is missing: a secret of your own, e.g. hash_key: ${EXPORTD_HASH_KEY}';
    problems.push(at(owner, ['columns', 'hash'], `hash: ${hint}`));
  }
  for (const list of ['drop', 'hash'] as const) {
    input.columns[list].forEach((name, index) => {
      problems.push(...checkName(owner, ['columns', list, index], name, job.report));
    });
  }
  try {
    refuseNames(job.table.warehouse, landColumns(job.report, rules, schema).columns);
  } catch (error) {
    if (!(error instanceof ExportdError)) throw error;
    const { hint } = error;
    problems.push(
      at(owner, ['columns', 'rename'], `columns: ${error.message}${hint === undefined ? '' : `; ${hint}`}`),
    );
  }
  return problems;
}

function checkClustering(owner: Entry, { table: { clusterBy, warehouse } }: Job): Problem[] {
  const most = clusteringLimit(warehouse);
  if (clusterBy.length <= most) return [];
  return [at(owner, ['cluster_by'], `cluster_by: ${most} columns at most, ${clusterBy.length} are given`)];
}

/**
 * A column that no such export has is mostly a slip, and one in `drop` or `hash` gives away what it should protect; but
 * exports may bring columns that we do not know yet, and a default may be meant for other reports.
 */
function checkName(owner: Entry, path: Path, name: string, report: Report): Problem[] {
  const isKnown = (dataType: DataType) => columnNames({ dataType, groupBy: undefined }).includes(matchingName(name));
  const known = columnNames(report);
  if (known.includes(matchingName(name)) || DATA_TYPES.some(isKnown)) return [];
  const meant = didYouMean(name, known);
  const hint = meant === undefined ? '' : `: did you mean ${meant}?`;
  return [
    warning(pointAt(find(owner, path)), `columns: no export is known to have a column ${JSON.stringify(name)}${hint}`),
  ];
}

const namesByReport = new Map<string, readonly string[]>();

function columnNames(report: Report): readonly string[] {
  const key = `${report.dataType}:${report.groupBy}`;
  const names = namesByReport.get(key) ?? contractColumns(report).map((column) => matchingName(column.name));
  namesByReport.set(key, names);
  return names;
}

function checkRetries(owner: Entry, { retries }: Job): Problem[] {
  if (retries.minDelay <= retries.maxDelay) return [];
  return [at(owner, ['retries'], 'retries: min_delay is longer than max_delay')];
}

function checkRetention(owner: Entry, job: Job, sources: readonly SourceConfig[]): Problem[] {
  const grid = { grain: job.window.grain, span: job.window.span, timezone: job.timezone };
  return sources.flatMap(({ name, history }) => {
    if (history === undefined || !neverWithin(grid, job.window.delay, history)) return [];
    const keeps = historyText(history);
    const period = grid.span === 1 ? `a ${grid.grain}` : `${grid.span} ${grid.grain}s`;
    const place = pointAt(find(owner, ['window']));
    if (job.window.includeOpen) {
      const message = `window: source ${name} keeps ${keeps}: ${period} that has closed is never whole in it, so that its last export while it was open stays`;
      return [warning(place, message)];
    }
    const hint = 'choose a smaller grain or span, or correct the history of the source';
    return [
      problem(
        place,
        `window: source ${name} keeps ${keeps}, and ${period} that has closed is never whole in it: ${hint}`,
      ),
    ];
  });
}

function at(owner: Entry, path: Path, message: string): Problem {
  return problem(pointAt(find(owner, path)), message);
}
