import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readings, wallClock } from '../../src/core/local-time.ts';
import { nextTicks, ticksBetween } from '../../src/core/schedule.ts';
import type { Instant, Timezone } from '../../src/core/words.ts';
import { HARD_ZONES, transitionsOf } from './transitions.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Instants within two days of a clock change, where schedules go wrong. */
const nearChange = fc.constantFrom(...HARD_ZONES.filter((zone) => zone !== 'UTC')).chain((zone) => {
  const changes = transitionsOf(zone, Date.UTC(1970, 0, 1), Date.UTC(2036, 0, 1));
  return fc.record({
    zone: fc.constant(zone),
    at: fc
      .tuple(fc.constantFrom(...changes), fc.integer({ min: -48 * 60, max: 48 * 60 }))
      .map(([change, off]) => change + off * MINUTE),
  });
});

const minutes = fc.constantFrom('0', '30', '*/15', '5,50', '59', '*/7');
const hours = fc.constantFrom('0', '1', '2', '*', '*/6', '0-3', '23', '0,23', '12');
const days = fc.constantFrom('* * *', '* * *', '1 * *', '* * sun', '* 3,4,10,11 *', '30 12 *', '1 * mon');
const cron = fc.tuple(minutes, hours, days).map((fields) => fields.join(' '));

/** Whether a minute of the wall clock fits a schedule, by the plainest reading of crontab(5). */
function plainReading(text: string): (wall: Date) => boolean {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = text
    .replace('sun', '0')
    .replace('mon', '1')
    .split(' ');
  const named = (field: string, low: number) => {
    const fits = (value: number) =>
      field.split(',').some((part) => {
        const [range = '', step = '1'] = part.split('/');
        const [from = low, to = from] = range === '*' ? [low, 99] : range.split('-').map(Number);
        return from <= value && value <= to && (value - from) % Number(step) === 0;
      });
    return new Set(Array.from({ length: 60 }, (_, value) => value).filter(fits));
  };
  const [minutes, hours, days] = [named(minute, 0), named(hour, 0), named(day, 1)];
  const [months, weekdays] = [named(month, 1), named(weekday, 0)];
  const both = day === '*' || weekday === '*';
  return (wall) => {
    if (!minutes.has(wall.getUTCMinutes()) || !hours.has(wall.getUTCHours())) return false;
    if (!months.has(wall.getUTCMonth() + 1)) return false;
    const [inMonth, inWeek] = [days.has(wall.getUTCDate()), weekdays.has(wall.getUTCDay())];
    return both ? inMonth && inWeek : inMonth || inWeek;
  };
}

/** The first instant at which clocks show a later time, found by walking. */
function endOfGap(wall: string, zone: Timezone): Instant {
  let at = Date.parse(`${wall}Z`) - 30 * HOUR;
  while (wallClock(at, zone) < wall) at += MINUTE;
  // Zones change on whole minutes here, but not all clocks showed whole minutes of UTC before.
  while (wallClock(at - 500, zone) > wall) at -= 500;
  return at;
}

/** Every tick near an instant, worked out from the rules, minute by minute of the wall clock. */
function expected(text: string, zone: Timezone, from: Instant, to: Instant): Instant[] {
  const ticks = new Set<Instant>();
  const fits = plainReading(text);
  const wildcard = text.startsWith('*') || text.split(' ')[1]?.startsWith('*') === true;
  const begin = Math.floor(from / MINUTE) * MINUTE - 30 * HOUR;
  for (let minute = begin; minute < to + 30 * HOUR; minute += MINUTE) {
    if (!fits(new Date(minute))) continue;
    const wall = new Date(minute).toISOString().slice(0, -1);
    const [first, ...more] = readings(wall, zone);
    ticks.add(first ?? endOfGap(wall, zone));
    if (wildcard) for (const again of more) ticks.add(again);
  }
  return [...ticks].filter((at) => from < at && at <= to).sort((a, b) => a - b);
}

test('ticks are the minutes that crontab(5) names, moved out of gaps, and in a repeated hour as the schedule asks', () => {
  fc.assert(
    fc.property(cron, nearChange, fc.integer({ min: 0, max: 72 * 60 }), (text, { zone, at }, length) => {
      const schedule = { cron: text, timezone: zone, jitter: 0 };
      const upTo = at + length * MINUTE;
      expect(ticksBetween(schedule, at, upTo)).toEqual(expected(text, zone, at, upTo));
    }),
    { numRuns: 60 },
  );
});

test('however often one looks, each tick is seen exactly once', () => {
  const looks = fc.array(fc.integer({ min: 1, max: 8 * 3600 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(cron, nearChange, looks, (text, { zone, at }, seconds) => {
      const schedule = { cron: text, timezone: zone, jitter: 0 };
      const seen: Instant[] = [];
      let last = at;
      for (const each of seconds) {
        seen.push(...ticksBetween(schedule, last, last + each * 1000));
        last += each * 1000;
      }
      expect(seen).toEqual(ticksBetween(schedule, at, last));
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    }),
  );
});

test('the next ticks are the ones that looking finds', () => {
  fc.assert(
    fc.property(cron, nearChange, fc.integer({ min: 1, max: 8 }), (text, { zone, at }, count) => {
      const schedule = { cron: text, timezone: zone, jitter: 0 };
      const next = nextTicks(schedule, at, count);
      expect(next).toHaveLength(count);
      expect(ticksBetween(schedule, at, next.at(-1) ?? at)).toEqual(next);
    }),
  );
});
