/**
 * Five-field cron as crontab(5) has it: parsing, and which minutes of the wall clock a schedule names. Nothing here knows
 * of timezones; core/schedule.ts does.
 */
import { DAY, type DayNumber } from './dates.ts';
import type { WallTime } from './local-time.ts';

export interface Cron {
  /** Ascending. */
  readonly minutes: readonly number[];
  /** Ascending. */
  readonly hours: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** Neither day field begins with `*`: a day that fits one of them fits. Otherwise it must fit both. */
  readonly eitherDay: boolean;
  /** The minutes or the hours begin with `*`. */
  readonly wildcard: boolean;
}

const WORDS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

interface Field {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Names of the values from `low` on. */
  readonly names: readonly string[];
}

const MINUTE: Field = { name: 'minute', low: 0, high: 59, names: [] };
const HOUR: Field = { name: 'hour', low: 0, high: 23, names: [] };
const DAY_OF_MONTH: Field = { name: 'day of month', low: 1, high: 31, names: [] };
const MONTH: Field = {
  name: 'month',
  low: 1,
  high: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
/** Sunday is 0 and 7. */
const DAY_OF_WEEK: Field = {
  name: 'day of week',
  low: 0,
  high: 7,
  names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** What is wrong with a schedule, as a whole clause for people. */
export class CronProblem extends Error {}

/** Throws CronProblem. */
export function parseCron(text: string): Cron {
  const line = text.trim();
  const fields = (WORDS[line.toLowerCase()] ?? line).split(/\s+/);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields;
  if (line.startsWith('@') && fields.length === 1) {
    throw new CronProblem(`"${line}" is no word for a schedule; there are ${Object.keys(WORDS).join(', ')}`);
  }
  if (fields.length === 6) {
    throw new CronProblem(`"${line}" has six fields, and exportd knows no seconds: leave the first field out`);
  }
  if (
    minute === undefined ||
    hour === undefined ||
    dayOfMonth === undefined ||
    month === undefined ||
    dayOfWeek === undefined ||
    fields.length !== 5
  ) {
    throw new CronProblem(`"${line}" is not five fields: minute, hour, day of month, month, day of week`);
  }
  const days = new Set(values(DAY_OF_MONTH, dayOfMonth));
  const months = new Set(values(MONTH, month));
  const eitherDay = !dayOfMonth.startsWith('*') && !dayOfWeek.startsWith('*');
  if (!eitherDay && ![...months].some((of) => [...days].some((day) => day <= (LONGEST[of - 1] ?? 0)))) {
    throw new CronProblem(`"${line}" never comes: no such month has such a day`);
  }
  return {
    minutes: values(MINUTE, minute),
    hours: values(HOUR, hour),
    days,
    months,
    weekdays: new Set(values(DAY_OF_WEEK, dayOfWeek).map((day) => day % 7)),
    eitherDay,
    wildcard: minute.startsWith('*') || hour.startsWith('*'),
  };
}

/** All values of a field, ascending. */
function values(field: Field, text: string): number[] {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [, range, first, last, step] = /^(\*|([^-/*]+)(?:-([^-/*]+))?)(?:\/(\d+))?$/.exec(part) ?? [];
    if (range === undefined) throw new CronProblem(`"${text}" is no ${field.name}: cannot read "${part}"`);
    const low = first === undefined ? field.low : value(field, text, first);
    const high = first === undefined ? field.high : last === undefined ? low : value(field, text, last);
    if (low > high) {
      throw new CronProblem(`"${text}" is no ${field.name}: the range ${part} runs backwards; write it as two`);
    }
    if (step !== undefined && first !== undefined && last === undefined) {
      throw new CronProblem(
        `"${text}" is no ${field.name}: a step needs a range, such as ${low}-${field.high}/${step}`,
      );
    }
    const by = Number(step ?? 1);
    if (by === 0) throw new CronProblem(`"${text}" is no ${field.name}: a step of 0 goes nowhere`);
    for (let each = low; each <= high; each += by) found.add(each);
  }
  return [...found].sort((a, b) => a - b);
}

function value(field: Field, text: string, one: string): number {
  const named = field.names.indexOf(one.toLowerCase());
  const number = named === -1 ? (/^\d+$/.test(one) ? Number(one) : Number.NaN) : named + field.low;
  if (number >= field.low && number <= field.high) return number;
  const names = field.names.length === 0 ? '' : ` or ${field.names[0]} to ${field.names.at(-1)}`;
  throw new CronProblem(`"${text}" is no ${field.name}: "${one}" is not ${field.low} to ${field.high}${names}`);
}

const MINUTE_MS = 60_000;

/** The minutes in (after, upTo] of the wall clock that a schedule names, ascending. */
export function* minutesBetween(cron: Cron, after: WallTime, upTo: WallTime): Generator<WallTime> {
  const first = (Math.floor(after / MINUTE_MS) + 1) * MINUTE_MS;
  // Looking every few seconds, most looks hold no whole minute at all.
  if (first > upTo) return;
  for (let day = Math.floor(first / DAY); day * DAY <= upTo; day += 1) {
    if (!fits(cron, day)) continue;
    for (const hour of cron.hours) {
      for (const minute of cron.minutes) {
        const wall = day * DAY + (hour * 60 + minute) * MINUTE_MS;
        if (wall > upTo) return;
        if (wall >= first) yield wall;
      }
    }
  }
}

function fits(cron: Cron, day: DayNumber): boolean {
  const date = new Date(day * DAY);
  if (!cron.months.has(date.getUTCMonth() + 1)) return false;
  const inMonth = cron.days.has(date.getUTCDate());
  const inWeek = cron.weekdays.has(date.getUTCDay());
  return cron.eitherDay ? inMonth || inWeek : inMonth && inWeek;
}
