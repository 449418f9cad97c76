import type { Instant } from '../../core/words.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

// The three forms of an HTTP date (RFC 9110, 5.6.7). Date.parse would take "120" for a year and asctime for local time.
const IMF = /^[A-Za-z]{3}, (?<day>\d{2}) (?<month>[A-Za-z]{3}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/;
const RFC_850 = /^[A-Za-z]{6,9}, (?<day>\d{2})-(?<month>[A-Za-z]{3})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/;
const ASCTIME = /^[A-Za-z]{3} (?<month>[A-Za-z]{3}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/;

/**
 * Milliseconds that a Retry-After header asks for from `now` on: whole seconds or an HTTP date in any of its forms.
 * Of several headers the longest counts. undefined where there is none, where it makes no sense, or where it is over:
 * then our own back-off holds.
 */
export function retryAfter(header: string | readonly string[] | undefined, now: Instant): number | undefined {
  const values = typeof header === 'string' ? [header] : (header ?? []);
  const waits = values.map((value) => waitOf(value.trim(), now)).filter((wait) => wait !== undefined && wait > 0);
  return waits.length === 0 ? undefined : Math.max(...waits.map(Number));
}

function waitOf(value: string, now: Instant): number | undefined {
  // Proxies may join two headers into one.
  if (/^\d+(\s*,\s*\d+)*$/.test(value)) return Math.max(...value.split(',').map(Number)) * 1000;
  const date = (IMF.exec(value) ?? RFC_850.exec(value) ?? ASCTIME.exec(value))?.groups;
  if (date === undefined) return undefined;
  const month = MONTHS.indexOf(date.month ?? '');
  const [hours, minutes, seconds] = (date.time ?? '').split(':').map(Number);
  const year = fullYear(date.year ?? '', now);
  const at = Date.UTC(year, month, Number(date.day), hours, minutes, seconds);
  return month < 0 ? undefined : at - now;
}

/** Two digits are the year that is no more than 50 years ahead. */
function fullYear(year: string, now: Instant): number {
  if (year.length === 4) return Number(year);
  const thisYear = new Date(now).getUTCFullYear();
  const inThisCentury = thisYear - (thisYear % 100) + Number(year);
  return inThisCentury > thisYear + 50 ? inThisCentury - 100 : inThisCentury;
}
