import { ExportdError } from '../core/errors.ts';

/** A body that DuckDB cannot read at all. Its own words quote lines of the body and are left out. */
export function unreadable(format: 'CSV' | 'Parquet'): ExportdError {
  return new ExportdError('BODY_MALFORMED', `the export cannot be read as ${format}`, {
    scope: 'period',
    retryable: true,
    hint: 'the source is asked again; nothing of it was loaded. If it stays so, report it to whoever runs the source',
  });
}
