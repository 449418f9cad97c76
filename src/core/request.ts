import { isLocalDate } from './dates.ts';
import { ExportdError } from './errors.ts';
import { earliestInstant, latestInstant, readings, type WallTime, wallClock, wallTime } from './local-time.ts';
import type { Instant, Period } from './words.ts';
import { isTzdbName } from './zones.ts';

/** One bound of an export request: wall-clock time in a timezone. */
export interface RequestBound {
  readonly date: string;
  readonly timezone: string;
}

/** `to` is inclusive, to its whole millisecond. */
export interface RequestBounds {
  readonly from: RequestBound;
  readonly to: RequestBound;
}

/**
 * The bounds that ask for exactly this period: its first and its last millisecond, on the clocks of the job's timezone
 * where both are shown there exactly once, else on UTC's. The `Z` means nothing, but some live versions insist on it.
 */
export function requestBounds(period: Period): RequestBounds {
  const { grain, timezone } = period.grid;
  const [first, last] = [period.start, period.end - 1];
  const readOnce = (at: Instant): boolean => readings(wallClock(at, timezone), timezone).length === 1;
  const zone = grain !== 'hour' && readOnce(first) && readOnce(last) ? timezone : 'UTC';
  return {
    from: { date: `${wallClock(first, zone)}Z`, timezone: zone },
    to: { date: `${wallClock(last, zone)}Z`, timezone: zone },
  };
}

/**
 * The half-open interval that a request's bounds mean, as the contract's server reads them: a `from` that clocks show
 * twice is its first reading, such a `to` its last; in a gap `from` is the gap's end and `to` the last millisecond before.
 * Throws BAD_REQUEST (the server's 400) for a malformed date, an unknown timezone, and `from` after `to`.
 */
export function readRequest(bounds: RequestBounds): { readonly start: Instant; readonly end: Instant } {
  const from = readDate('from', bounds.from);
  const to = readDate('to', bounds.to);
  const start = earliestInstant(from, bounds.from.timezone);
  const end = latestInstant(to, bounds.to.timezone) + 1;
  // Both bounds inside one gap denote nothing at all, which is no usage and no mistake.
  const sameClock = bounds.from.timezone === bounds.to.timezone;
  if (sameClock ? from > to : start >= end) {
    throw refusal(
      `from (${bounds.from.date} ${bounds.from.timezone}) is after to (${bounds.to.date} ${bounds.to.timezone})`,
    );
  }
  return { start, end };
}

const DATE_TIME = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,3}))?Z?$/;

function readDate(name: 'from' | 'to', { date, timezone }: RequestBound): WallTime {
  const [, day, hours, minutes, seconds, fraction = ''] = DATE_TIME.exec(date) ?? [];
  if (day === undefined || !isLocalDate(day)) {
    throw refusal(`${name}.date ${JSON.stringify(date)} is not a wall-clock time such as 2026-11-23T00:00:00.000`);
  }
  // Not what the runtime takes: it knows +02:00, and every zone in any mixture of cases.
  if (!isTzdbName(timezone)) {
    throw refusal(`${name}.timezone ${JSON.stringify(timezone)} is not a timezone`);
  }
  return wallTime(`${day}T${hours}:${minutes}:${seconds}.${fraction.padEnd(3, '0')}`);
}

function refusal(message: string): ExportdError {
  return new ExportdError('BAD_REQUEST', message, {
    scope: 'period',
    hint: 'bounds are wall-clock times without an offset, each with an IANA timezone',
  });
}
