import { isLocalDate } from '../core/dates.ts';
import { ExportdError } from '../core/errors.ts';
import type { Wish } from '../core/plan.ts';
import type { LocalDate } from '../core/words.ts';

const WHICH = ['missing', 'failed', 'all', 'outdated'] as const;

/** `{from, to, accept_held}`, each optional, as `exportd run JOB` takes them. Throws USAGE. */
export function runWish(body: unknown): Wish {
  const fields = fieldsOf(body, ['from', 'to', 'accept_held']);
  const { accept_held: acceptHeld = false } = fields;
  if (typeof acceptHeld !== 'boolean') throw usage('accept_held: true or false');
  return { kind: 'run', ...datesOf(fields), acceptHeld };
}

/** `{from, to, which}`, each optional, as `exportd backfill JOB` takes them. Throws USAGE. */
export function backfillWish(body: unknown): Wish {
  const fields = fieldsOf(body, ['from', 'to', 'which']);
  const which = WHICH.find((each) => each === (fields.which ?? 'missing'));
  if (which === undefined) throw usage(`which: one of ${WHICH.join(', ')}`);
  return { kind: 'backfill', ...datesOf(fields), which };
}

function fieldsOf(body: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body)) throw usage('the body is a JSON object');
  const fields: Readonly<Record<string, unknown>> = { ...body };
  if (Object.keys(fields).some((field) => !known.includes(field))) throw usage(`fields are ${known.join(', ')}`);
  return fields;
}

function datesOf(fields: Readonly<Record<string, unknown>>): {
  readonly from: LocalDate | undefined;
  readonly to: LocalDate | undefined;
} {
  const dateOf = (field: 'from' | 'to'): LocalDate | undefined => {
    const value = fields[field];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string' && isLocalDate(value)) return value;
    throw usage(`${field}: a date of the calendar, written YYYY-MM-DD`);
  };
  const from = dateOf('from');
  const to = dateOf('to');
  if (from !== undefined && to !== undefined && from > to) throw usage('from is after to');
  return { from, to };
}

function usage(message: string): ExportdError {
  return new ExportdError('USAGE', message, { scope: 'config' });
}
