import { isLocalDate } from '../core/dates.ts';
import type { Instant, LocalDate } from '../core/words.ts';
import { usageError } from './command.ts';

/** A date as `--from 2026-11-01` gives it. Throws USAGE. */
export function dateGiven(flag: string, text: string | undefined): LocalDate | undefined {
  if (text === undefined || isLocalDate(text)) return text;
  throw usageError(
    /^\d{4}-\d{2}-\d{2}$/.test(text)
      ? `${flag}: the calendar has no ${text}`
      : `${flag}: a date is written YYYY-MM-DD, not ${JSON.stringify(text)}`,
  );
}

/** `--from` and `--to`, both inclusive. Throws USAGE, also where they are the wrong way round. */
export function datesGiven(options: { readonly from?: string; readonly to?: string }): {
  readonly from: LocalDate | undefined;
  readonly to: LocalDate | undefined;
} {
  const from = dateGiven('--from', options.from);
  const to = dateGiven('--to', options.to);
  if (from !== undefined && to !== undefined && from > to) throw usageError(`--from ${from} is after --to ${to}`);
  return { from, to };
}

/** An instant as `--at` gives it. Throws USAGE: a time of day without an offset is a different instant for every reader. */
export function instantGiven(flag: string, text: string): Instant {
  const example = 'write it like 2026-11-25T06:15:00Z or 2026-11-25T07:15:00+01:00';
  if (/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?)?$/.test(text)) {
    throw usageError(`${flag}: ${text} names no offset from UTC`, example);
  }
  const parts = INSTANT.exec(text);
  const at = parts === null || !isLocalDate(parts[1] ?? '') ? Number.NaN : Date.parse(text.replace(' ', 'T'));
  if (Number.isNaN(at)) throw usageError(`${flag}: ${JSON.stringify(text)} is no instant`, example);
  return at;
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** A whole number of at least 1, as `--limit 20` gives it. Throws USAGE. */
export function countGiven(flag: string, text: string): number {
  const n = Number(text);
  if (/^\d+$/.test(text) && n >= 1 && Number.isSafeInteger(n)) return n;
  throw usageError(`${flag}: a whole number from 1 on, not ${JSON.stringify(text)}`);
}
