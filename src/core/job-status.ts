import { DAY } from './dates.ts';
import { next } from './grid.ts';
import { sourceWarnings, tableWarnings } from './plan-warnings.ts';
import { tableRefusal } from './refusal.ts';
import { edgeOf } from './retention.ts';
import { nextTicks, ticksBetween } from './schedule.ts';
import { holds, isLoaded, stateOf } from './table-state.ts';
import { newestClosed, seriesOf, type Wanted, wantedPeriods } from './wanted.ts';
import type {
  Instant,
  Job,
  JobSource,
  LocalDate,
  Period,
  PlanWarning,
  Schedule,
  SourceKey,
  TableState,
} from './words.ts';

/**
 * How a job stands, worst first.
 * - `refused`: its table holds another report
 * - `stale`: the newest closed period was not in by `expect_by`
 * - `failing`: the newest attempt at some period failed
 * - `held`: a person must decide about some period
 * - `never loaded`: nothing of a source has been loaded yet
 * - `behind`: a period that was closed at the last tick is missing or provisional
 * - `fresh`: none of these
 */
export type JobState = (typeof WORST_FIRST)[number];

const WORST_FIRST = ['refused', 'stale', 'failing', 'held', 'never loaded', 'behind', 'fresh'] as const;

/** What is said of a source whose table belongs to another report: its ledger says nothing of this job. */
const REFUSED: Omit<SourceStatus, 'source'> = {
  state: 'refused',
  newestClosed: undefined,
  reach: undefined,
  missing: 0,
  provisional: 0,
  failed: 0,
  held: 0,
  stale: false,
};

/** How one source of a job stands. Counts are of periods. */
export interface SourceStatus {
  readonly source: SourceKey;
  readonly state: JobState;
  /** The newest period whose export was sent after it had closed. */
  readonly newestClosed: LocalDate | undefined;
  /** The end of that period: how far the data reaches. */
  readonly reach: Instant | undefined;
  /** Wanted, still kept by the source, and without a load. */
  readonly missing: number;
  /** Wanted and closed, but loaded while it was open. Those that the source keeps no longer stay so. */
  readonly provisional: number;
  readonly failed: number;
  readonly held: number;
  readonly stale: boolean;
}

/** How a job stands: that of its worst source; counts are sums over its sources. */
export interface JobStatus extends Omit<SourceStatus, 'source'> {
  readonly job: string;
  readonly table: string;
  /** The next five; none of a job that is disabled or runs only by hand. */
  readonly nextTicks: readonly Instant[];
  readonly sources: readonly SourceStatus[];
  readonly warnings: readonly PlanWarning[];
}

/** What CLI, page, metrics and alerts say of a job, all alike. Pure. */
export function jobStatus(job: Job, now: Instant, table: TableState): JobStatus {
  const sources: SourceStatus[] = [];
  const warnings = tableWarnings(job, table);
  for (const source of job.sources) {
    const refused = tableRefusal(job, source, table);
    if (refused !== undefined) {
      sources.push({ source: source.key, ...REFUSED });
      warnings.push({ code: refused.code, message: refused.message });
      continue;
    }
    const wanted = wantedPeriods(job, source, now, table);
    sources.push(sourceStatus(job, source, now, table, wanted));
    warnings.push(...sourceWarnings(job, source, now, table, wanted), ...unsettleable(source, now, table, wanted));
  }
  const sum = (field: 'missing' | 'provisional' | 'failed' | 'held'): number =>
    sources.reduce((total, source) => total + source[field], 0);
  return {
    job: job.name,
    table: job.table.name,
    state: WORST_FIRST.find((state) => sources.some((source) => source.state === state)) ?? 'fresh',
    newestClosed: oldestOf(sources.map(({ newestClosed: date }) => date)),
    reach: soonestOf(sources.map(({ reach }) => reach)),
    nextTicks: job.enabled && job.schedule !== undefined ? nextTicks(job.schedule, now, 5) : [],
    missing: sum('missing'),
    provisional: sum('provisional'),
    failed: sum('failed'),
    held: sum('held'),
    stale: sources.some(({ stale }) => stale),
    sources,
    warnings,
  };
}

/**
 * The instant up to which `jobStatus` says of the same table what it says now: the job's next tick, the close of its
 * next period, its next `expect_by`, or the next move of a source's edge, whichever comes first.
 */
export function statusUntil(job: Job, now: Instant): Instant {
  const ticks = job.schedule === undefined ? [] : nextTicks(job.schedule, now, 1);
  const deadlines = job.expectBy === undefined ? [] : nextTicks(daily(job, job.expectBy), now, 1);
  const closes = job.sources.slice(0, 1).map((source) => {
    const series = seriesOf(job, source);
    return next(series, newestClosed(series, job, now).newest).end + job.window.delay;
  });
  const edgeMoves = (Math.floor(now / DAY) + 1) * DAY;
  return Math.min(...ticks, ...deadlines, ...closes, edgeMoves);
}

function sourceStatus(job: Job, source: JobSource, now: Instant, table: TableState, wanted: Wanted): SourceStatus {
  const { waiting, ...holes } = holesOf(source, now, table, wanted);
  const { newest, reach, isNew, ...notes } = ledgerOf(source, table);
  const due = periodDueBy(job, source, now);
  const stale = due !== undefined && reach < due.end;
  const isBehind = waiting !== undefined && wasTickedSince(job, waiting.end + job.window.delay, now);
  const found: Readonly<Record<Exclude<JobState, 'refused' | 'fresh'>, boolean>> = {
    stale,
    failing: notes.failed > 0,
    held: notes.held > 0,
    'never loaded': isNew && wanted.closed.length > 0,
    behind: isBehind,
  };
  const state = WORST_FIRST.find((word) => word === 'fresh' || (word !== 'refused' && found[word])) ?? 'fresh';
  return {
    source: source.key,
    state,
    newestClosed: newest,
    reach: newest === undefined ? undefined : reach,
    ...holes,
    ...notes,
    stale,
  };
}

/** Wanted periods that lack a load that was sent after their close; `waiting`: the oldest that can still get one. */
function holesOf(source: JobSource, now: Instant, table: TableState, wanted: Wanted) {
  const edge = edgeOf(source, now);
  let [missing, provisional] = [0, 0];
  let waiting: Period | undefined;
  for (const period of wanted.closed) {
    const state = stateOf(table, period.key);
    if (state?.outcome === 'forgotten' || (isLoaded(state) && state.closed)) continue;
    const isKept = period.start >= edge;
    if (isLoaded(state)) provisional += 1;
    else if (isKept) missing += 1;
    if (isKept) waiting ??= period;
  }
  return { missing, provisional, waiting };
}

/** Periods that were last exported while they were open, and that the source has let go since. */
function unsettleable(source: JobSource, now: Instant, table: TableState, { closed }: Wanted): PlanWarning[] {
  const edge = edgeOf(source, now);
  const lost = closed.filter(({ key, start }) => {
    const state = stateOf(table, key);
    return start < edge && isLoaded(state) && !state.closed;
  });
  const dates = lost.map(({ date }) => date).join(', ');
  if (lost.length === 0) return [];
  return [{ code: 'STAYS_PROVISIONAL', message: `${source.name} can no longer settle ${dates}: it keeps too little` }];
}

/** What the ledger says of a source; `reach`: the end of its newest period that was closed when it was asked for. */
function ledgerOf(source: JobSource, table: TableState) {
  let [failed, held] = [0, 0];
  let newest: LocalDate | undefined;
  let reach = -Infinity;
  let isNew = true;
  for (const state of table.states.values()) {
    if (state.source !== source.key || !holds(table, state)) continue;
    if (state.failed?.last === true) failed += 1;
    if (state.held !== undefined) held += 1;
    if (state.outcome === undefined) continue;
    isNew = false;
    if (!state.closed || state.end <= reach) continue;
    reach = state.end;
    newest = state.periodDate;
  }
  return { failed, held, newest, reach, isNew };
}

/** The period that had to be in by the last `expect_by`: the newest that was closed then. */
function periodDueBy(job: Job, source: JobSource, now: Instant): Period | undefined {
  if (job.expectBy === undefined) return undefined;
  const deadline = ticksBetween(daily(job, job.expectBy), now - 2 * DAY, now).at(-1);
  if (deadline === undefined) return undefined;
  const { newest } = newestClosed(seriesOf(job, source), job, deadline);
  const isKept = newest.start >= edgeOf(source, now);
  return isKept && newest.date >= (job.window.begin ?? newest.date) ? newest : undefined;
}

/** `HH:MM` of every day on the clocks of the job's timezone. */
function daily({ timezone }: Job, time: string): Schedule {
  const [hour, minute] = time.split(':').map(Number);
  return { cron: `${minute} ${hour} * * *`, timezone, jitter: 0 };
}

/** Whether the schedule had a chance since then; a job without one is for a person to run, at any time. */
function wasTickedSince(job: Job, at: Instant, now: Instant): boolean {
  if (job.schedule === undefined) return true;
  const [tick] = nextTicks(job.schedule, at - 1, 1);
  return tick !== undefined && tick <= now;
}

/** The least of what all sources reach; undefined where one has nothing. */
function oldestOf(dates: readonly (LocalDate | undefined)[]): LocalDate | undefined {
  const known = dates.filter((date) => date !== undefined);
  return known.length < dates.length ? undefined : known.toSorted()[0];
}

function soonestOf(instants: readonly (Instant | undefined)[]): Instant | undefined {
  const known = instants.filter((instant) => instant !== undefined);
  return known.length < instants.length || known.length === 0 ? undefined : Math.min(...known);
}
