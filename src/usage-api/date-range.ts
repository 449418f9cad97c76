import { offsetAt } from '../core/local-time.ts';
import type { RequestBound, RequestBounds } from '../core/request.ts';
import type { Instant } from '../core/words.ts';

/** What an answer says of its period. */
export interface DateRange {
  readonly from: string;
  readonly to: string;
}

/**
 * The bounds as they were asked for, each with its offset; in UTC with none where the answer is the CSV answer, and with `Z`
 * where it is JSON.
 */
export function dateRange(
  asked: RequestBounds,
  read: { readonly from: Instant; readonly to: Instant },
  format: 'csv' | 'json',
): DateRange {
  const utc = format === 'json' ? 'Z' : '';
  return { from: boundText(asked.from, read.from, utc), to: boundText(asked.to, read.to, utc) };
}

function boundText({ date, timezone }: RequestBound, at: Instant, utc: string): string {
  const [seconds = '', fraction = ''] = date.replace(/Z$/, '').split('.');
  const clock = `${seconds}.${fraction.padEnd(3, '0')}`;
  return clock + (timezone === 'UTC' ? utc : offsetText(offsetAt(at, timezone)));
}

/** `+01:00`; of the years before offsets were whole minutes, without their seconds. */
function offsetText(offset: number): string {
  const minutes = Math.floor(Math.abs(offset) / 60_000);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
