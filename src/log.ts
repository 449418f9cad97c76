import { type LevelWithSilent, type Logger, pino } from 'pino';
import { ExportdError } from './core/errors.ts';
import type { DaemonEvent, Tell } from './daemon/daemon-events.ts';
import type { Emit, RunEvent } from './run/events.ts';
import { callsOf } from './stack.ts';
import type { Exported } from './usage-api/record.ts';

export type LogLevel = LevelWithSilent;

export interface LogOptions {
  readonly level: LogLevel;
  /** Takes one line with its end, and lets no known secret through. */
  readonly write: (line: string) => void;
}

/** JSON lines, `time` in UTC. */
export function createLog(options: LogOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    { write: options.write },
  );
}

/** Run events as log lines; the fields have the ledger's names. */
export function logEvents(log: Logger): Emit {
  return (event) => {
    const { level, message, fields } = logLine(event);
    log[level]({ run_id: event.runId, event: event.type, ...fields }, message);
  };
}

const EXPORT_LEVEL = { exported: 'info', empty: 'info', refused: 'warn', failed: 'error', broken: 'warn' } as const;

/** The audit line of a request for an export: who asked, for what, when, and how many rows left. Never the data. */
export function logExport(log: Logger): (record: Exported) => void {
  return ({ key, request, route, client, outcome, status, count, ms, failure, at }) => {
    const error = failure instanceof Error ? { error: failure.message, cause: codeOf(failure.cause) } : {};
    const fields = {
      event: 'export',
      requested_at: new Date(at).toISOString(),
      key: key?.name ?? null,
      workspace: key?.workspace ?? null,
      client,
      data_type: route.dataType,
      group_by: request?.report.groupBy ?? null,
      format: route.format,
      from: request === undefined ? null : new Date(request.from).toISOString(),
      to: request === undefined ? null : new Date(request.to).toISOString(),
      outcome,
      status,
      row_count: outcome === 'exported' || outcome === 'broken' ? count.rows : 0,
      ms,
    };
    const cause = failure instanceof ExportdError ? errorFields(failure) : {};
    log[EXPORT_LEVEL[outcome]]({ ...fields, ...error, ...cause }, `export ${outcome}`);
  };
}

/** `ENOSPC`, say. */
function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}

/** Whatever a daemon tells, as log lines: its runs' events, and its own. */
export function logDaemon(log: Logger): Tell {
  const logRun = logEvents(log);
  return (event) => {
    if ('runId' in event && event.type !== 'job.ended') return logRun(event);
    const told = daemonLine(event as OwnEvent);
    if (told !== undefined) log[told.level]({ event: event.type, ...told.fields }, told.message);
  };
}

type OwnEvent = Exclude<DaemonEvent, RunEvent>;

/** undefined: nothing that a person would look for. */
function daemonLine(event: OwnEvent): LogLine | undefined {
  switch (event.type) {
    case 'config.loaded':
      return line('info', event.reloaded ? 'config reloaded' : 'config loaded', {
        config_version: event.version,
        jobs: event.config.jobs.length,
      });
    case 'config.broken':
      return line('error', 'the config is broken: the one before stays in force', { problems: event.problems });
    case 'look':
      return event.dueJobs.length === 0 ? undefined : line('debug', 'jobs are due', { jobs: event.dueJobs });
    case 'job.queued':
      return line('debug', 'job queued', { job: event.job, why: event.why });
    case 'job.started':
      return line('debug', 'job started', {
        job: event.job,
        why: event.why,
        late_ms: event.tick === undefined ? undefined : event.at - event.tick,
      });
    case 'job.planned': {
      const { instances } = event.state;
      if (instances.length === 0) return undefined;
      return line('warn', 'another exportd loads this table too', { job: event.job.name, instances });
    }
    case 'job.unplanned':
      return line('error', `job not planned: ${event.error.message}`, { job: event.job, ...errorFields(event.error) });
    case 'job.ended':
      if (event.error === undefined) return undefined;
      return line('error', `job ended: ${event.error.message}`, { job: event.job, ...errorFields(event.error) });
    case 'orphans':
      if (event.orphans.length === 0) return undefined;
      return line('debug', 'tables of jobs that are gone', { tables: event.orphans.map(({ table }) => table) });
    case 'stopping':
      return line('info', 'stopping: nothing new starts, what has arrived is committed', {});
    case 'stopped':
      return line(event.clean ? 'info' : 'warn', 'stopped', { clean: event.clean });
  }
}

interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function logLine(event: RunEvent): LogLine {
  switch (event.type) {
    case 'run.planned':
      return line('info', 'planned', { jobs: event.plans.length, requests: event.requests });
    case 'job.refused':
      return line('error', `job refused: ${event.error.message}`, { job: event.job, ...errorFields(event.error) });
    case 'period.started':
      return line('debug', 'export asked for', { job: event.job, period_key: event.key });
    case 'period.extracted':
      return line('debug', 'export arrived', {
        job: event.job,
        period_key: event.key,
        byte_count: event.bytes,
        ms: event.ms,
      });
    case 'period.retrying':
      return line('warn', `trying again: ${event.error.message}`, {
        job: event.job,
        period_key: event.key,
        attempt: event.attempt,
        in_ms: event.inMs,
        ...errorFields(event.error),
      });
    case 'period.done':
      return line(DONE_LEVEL[event.outcome], event.error?.message ?? event.outcome, {
        job: event.job,
        period_key: event.key,
        outcome: event.outcome,
        row_count: event.rows,
        was: event.was,
        load_id: event.entry?.loadId,
        ...(event.error && errorFields(event.error)),
      });
    case 'period.remark':
      return line('warn', event.message, { job: event.job, period_key: event.key });
    case 'batch.staged':
      return line('debug', 'batch staged', batchFields(event));
    case 'batch.committing':
      return line('debug', 'batch committing', batchFields(event));
    case 'batch.committed':
      return line('info', 'batch committed', batchFields(event));
    case 'batch.retrying':
      return line('warn', `trying the commit again: ${event.error.message}`, {
        table_name: event.table,
        attempt: event.attempt,
        in_ms: event.inMs,
        ...errorFields(event.error),
      });
    case 'table.warning':
      return line('warn', event.message, { table_name: event.table });
    case 'source.slowed':
      return line('warn', 'the source asked for less', {
        source: event.source,
        until: new Date(event.until).toISOString(),
      });
    case 'run.finished':
      return line('info', event.interrupted ? 'run interrupted' : 'run finished', { outcomes: event.outcomes });
  }
}

const DONE_LEVEL = {
  loaded: 'info',
  unchanged: 'info',
  empty: 'info',
  forgotten: 'info',
  skipped: 'info',
  held: 'warn',
  failed: 'error',
} as const;

function line(level: LogLine['level'], message: string, fields: LogLine['fields']): LogLine {
  return { level, message, fields };
}

function errorFields(error: ExportdError): LogLine['fields'] {
  const calls = error.code === 'INTERNAL' ? callsOf(error.cause) : [];
  return { error_code: error.code, hint: error.hint, ...(calls.length > 0 && { calls }) };
}

function batchFields(batch: { table: string; keys: number; rows: number; ms?: number }): LogLine['fields'] {
  return { table_name: batch.table, keys: batch.keys, row_count: batch.rows, ms: batch.ms };
}
