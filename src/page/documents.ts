import type { ExportdError } from '../core/errors.ts';
import type { Instant } from '../core/words.ts';
import type { OrphanedTable } from '../daemon/daemon-events.ts';
import type { JobView, LastSeen, PeriodView } from '../daemon/last-seen.ts';
import type { Contact } from '../daemon/reach.ts';
import type { RunView } from '../daemon/run-list.ts';

/**
 * The JSON of the API: the ledger's names, instants ISO in UTC with Z, as the commands' `--output json`. Fields are only
 * ever added within a major version.
 */

export function readinessDocument(lastSeen: LastSeen) {
  const { version, loadedAt, broken } = lastSeen.config();
  const { sources, destinations } = lastSeen.reach();
  const reasons = lastSeen.notReady().map(({ what, name, message, hint }) => {
    return { what, name: name ?? null, message, hint: hint ?? null };
  });
  const contacts = (all: ReadonlyMap<string, Contact>) =>
    Object.fromEntries([...all].map(([name, contact]) => [name, contactDocument(contact)]));
  return {
    ready: reasons.length === 0,
    reasons,
    config: { version: version ?? null, loaded_at: iso(loadedAt), problems: broken?.problems ?? [] },
    sources: contacts(sources),
    destinations: contacts(destinations),
    last_look_at: iso(lastSeen.lookedAt),
  };
}

export function jobsDocument(lastSeen: LastSeen, now: Instant) {
  return {
    now: iso(now),
    config_version: lastSeen.config().version ?? null,
    jobs: [...Array.from(lastSeen.jobs(now), jobDocument), ...lastSeen.orphans().map(orphanDocument)],
  };
}

export function periodsDocument(job: string, periods: readonly PeriodView[] | undefined) {
  return { job, known: periods !== undefined, periods: (periods ?? []).map(periodDocument) };
}

export function runsDocument(runs: readonly RunView[]) {
  return { runs: runs.map(runDocument) };
}

/** The fields of `exportd status --output json`, and what only a daemon knows. */
function jobDocument(view: JobView) {
  const { job, status, activity, since, plannedAt, warnings, postponed, error, lastRun } = view;
  return {
    job: job.name,
    table: job.table.name,
    description: job.description ?? null,
    destination: job.destination,
    sources: job.sources.map((source) => source.name),
    enabled: job.enabled,
    schedule: job.schedule?.cron ?? null,
    timezone: job.timezone,
    state: status?.state ?? 'unknown',
    newest_closed: status?.newestClosed ?? null,
    next_ticks: (status?.nextTicks ?? []).map(iso),
    missing: status?.missing ?? null,
    provisional: status?.provisional ?? null,
    failed: status?.failed ?? null,
    held: status?.held ?? null,
    stale: status?.stale ?? null,
    orphaned: false,
    warnings,
    activity,
    activity_since: iso(since),
    planned_at: iso(plannedAt),
    postponed,
    error: error === undefined ? null : errorDocument(error),
    last_run: lastRun === undefined ? null : runDocument(lastRun),
  };
}

function orphanDocument({ job, table, destination, lastLoad }: OrphanedTable) {
  return { job, table, destination, state: 'orphaned', orphaned: true, last_load: iso(lastLoad) };
}

function periodDocument(period: PeriodView) {
  const { key, source, periodDate, start, end, outcome, closed, settled, rows, requestedAt, held, failed } = period;
  const note = (told: PeriodView['held']) =>
    told === undefined ? null : { error_code: told.code, extracted_at: iso(told.at) };
  return {
    period_key: key,
    source,
    period_date: periodDate,
    period_start: iso(start),
    period_end: iso(end),
    outcome: outcome ?? null,
    closed,
    settled,
    row_count: rows,
    extracted_at: iso(requestedAt),
    held: note(held),
    failed: failed?.last === true ? note(failed) : null,
  };
}

function runDocument(run: RunView) {
  return {
    run_id: run.runId,
    jobs: run.jobs,
    started_at: iso(run.startedAt),
    ended_at: iso(run.endedAt),
    interrupted: run.interrupted,
    requests: run.requests,
    outcomes: run.outcomes,
    row_count: run.rows,
    byte_count: run.bytes,
    error: run.error === undefined ? null : errorDocument(run.error),
  };
}

function contactDocument({ answeredAt, failure }: Contact) {
  return {
    up: failure === undefined,
    answered_at: iso(answeredAt),
    failed_at: iso(failure?.at),
    error: failure === undefined ? null : errorDocument(failure.error),
  };
}

export function errorDocument({ code, message, hint }: Pick<ExportdError, 'code' | 'message' | 'hint'>) {
  return { code, message, hint: hint ?? null };
}

function iso(at: Instant): string;
function iso(at: Instant | undefined): string | null;
function iso(at: Instant | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
