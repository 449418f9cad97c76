import { ExportdError } from '../core/errors.ts';

/** What a run decides by. Anything that is no ExportdError is a bug of ours: it fails one period, and says where. */
export function asExportdError(cause: unknown): ExportdError {
  if (cause instanceof ExportdError) return cause;
  const name = cause instanceof Error ? cause.constructor.name : typeof cause;
  // The message stays out: we cannot know whose values it quotes.
  return new ExportdError('INTERNAL', `unexpected ${name} in exportd`, {
    scope: 'period',
    hint: 'This is a bug. Run again with --log-level debug and report the stack.',
    cause,
  });
}

/** The run was stopped by a signal before this period was done. */
export function interrupted(): ExportdError {
  return new ExportdError('INTERRUPTED', 'stopped before this period was done', {
    scope: 'period',
    hint: 'The same command goes on where this one stopped.',
  });
}

/** What stopped the source, the table or the destination in this run stops this period too, without a request of its own. */
export function notTried(because: ExportdError): ExportdError {
  return new ExportdError('NOT_TRIED', `not tried: ${because.message}`, { scope: because.scope, hint: because.hint });
}

/** Skipped periods were not asked for or given up half-way: no note says that they failed. */
export function isSkip(error: ExportdError): boolean {
  return error.code === 'INTERRUPTED' || error.code === 'NOT_TRIED' || error.code === 'RETENTION_PASSED';
}
