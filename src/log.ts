import { type LevelWithSilent, type Logger, pino } from 'pino';
import type { ExportdError } from './core/errors.ts';
import type { Emit, RunEvent } from './run/events.ts';
import { callsOf } from './stack.ts';

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
