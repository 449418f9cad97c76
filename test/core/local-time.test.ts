import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDays, DAY, dateOfDay } from '../../src/core/dates.ts';
import { firstInstant, formatLocal, localDateOf, offsetAt, readings, wallClock } from '../../src/core/local-time.ts';
import type { Instant, LocalDate, Timezone } from '../../src/core/words.ts';
import { ZONES } from '../../src/core/zones.ts';
import { cases } from '../faults/rounds.ts';
import { HARD_ZONES, transitionsOf } from './transitions.ts';

const iso = (at: Instant) => new Date(at).toISOString();
const starts = (zone: Timezone, ...dates: LocalDate[]) => dates.map((date) => iso(firstInstant(date, zone)));

/** What the runtime says clocks show, asked directly: nothing of exportd in it. */
function clockOf(zone: Timezone): (at: Instant) => string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  return (at) => format.format(at);
}

describe('where a date starts', () => {
  test('a midnight that does not exist is the first instant after the gap, also for the days after it (case a01)', () => {
    expect(starts('Africa/Cairo', '2026-04-23', '2026-04-24', '2026-04-25', '2026-04-26')).toEqual([
      '2026-04-22T22:00:00.000Z',
      '2026-04-23T22:00:00.000Z',
      '2026-04-24T21:00:00.000Z',
      '2026-04-25T21:00:00.000Z',
    ]);
  });

  test('a midnight that comes twice is the first of them (case a02)', () => {
    expect(starts('Atlantic/Azores', '2026-10-24', '2026-10-25', '2026-10-26')).toEqual([
      '2026-10-24T00:00:00.000Z',
      '2026-10-25T00:00:00.000Z',
      '2026-10-26T01:00:00.000Z',
    ]);
  });

  test('a day without its last hour ends where the next starts (case a04)', () => {
    expect(starts('America/Nuuk', '2026-03-28', '2026-03-29')).toEqual([
      '2026-03-28T02:00:00.000Z',
      '2026-03-29T01:00:00.000Z',
    ]);
  });

  test('a date that its zone skipped starts and ends where the next starts', () => {
    expect(starts('Pacific/Apia', '2011-12-29', '2011-12-30', '2011-12-31')).toEqual([
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ]);
  });

  test('an offset with seconds is kept to the second (case a19)', () => {
    expect(starts('Africa/Monrovia', '1972-01-06', '1972-01-07', '1972-01-08', '1972-01-09')).toEqual([
      '1972-01-06T00:44:30.000Z',
      '1972-01-07T00:44:30.000Z',
      '1972-01-08T00:00:00.000Z',
      '1972-01-09T00:00:00.000Z',
    ]);
  });

  test('a clock that is set back past midnight starts the new date at its first midnight', () => {
    // St John's at 00:01 on the 7th went back to 23:01 on the 6th.
    expect(starts('America/St_Johns', '2010-11-06', '2010-11-07', '2010-11-08')).toEqual([
      '2010-11-06T02:30:00.000Z',
      '2010-11-07T02:30:00.000Z',
      '2010-11-08T03:30:00.000Z',
    ]);
  });

  test('it follows the rules that the runtime has for Morocco in 2026 (case a07)', () => {
    const twentieth = firstInstant('2026-09-21', 'Africa/Casablanca') - firstInstant('2026-09-20', 'Africa/Casablanca');
    expect(iso(firstInstant('2026-09-20', 'Africa/Casablanca'))).toBe('2026-09-19T23:00:00.000Z');
    expect(twentieth).toBe((process.versions.tz ?? '') >= '2026c' ? 25 * 3_600_000 : DAY);
  });

  test('scanning the clock minute by minute around clock changes finds the same instants', () => {
    for (const zone of HARD_ZONES.filter((name) => name !== 'Africa/Monrovia')) {
      const clock = clockOf(zone);
      const changes = transitionsOf(zone, Date.UTC(1990, 0, 1), Date.UTC(2030, 0, 1));
      const sample = changes.filter((_, index) => index % Math.ceil(changes.length / 4) === 0);
      if (zone === 'Pacific/Apia') sample.push(Date.UTC(2011, 11, 30, 10));
      for (const change of sample) {
        const scanned = new Map<LocalDate, Instant>();
        const from = Math.floor(change / 60_000) * 60_000 - 30 * 3_600_000;
        for (let at = from; at < change + 30 * 3_600_000; at += 60_000) {
          const date = clock(at).slice(0, 10);
          if (!scanned.has(date)) scanned.set(date, at);
        }
        const [, ...whole] = scanned;
        for (const [date, at] of whole) expect(iso(firstInstant(date, zone)), `${zone} ${date}`).toBe(iso(at));
      }
    }
  });

  test('scanning Monrovia second by second finds the second at which its clocks jumped', () => {
    const clock = clockOf('Africa/Monrovia');
    let at = Date.UTC(1972, 0, 6, 23, 59, 0);
    while (clock(at).slice(0, 10) < '1972-01-08') at += 1000;
    expect(firstInstant('1972-01-08', 'Africa/Monrovia')).toBe(at);
  });
});

test('the offset is what the runtime says, in every zone and at any instant', () => {
  const instants = fc.integer({ min: Date.UTC(1970, 0, 1), max: Date.UTC(2046, 0, 1) });
  const clocks = new Map(ZONES.map((zone) => [zone, clockOf(zone)]));
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), instants, (zone, at) => {
      expect(wallClock(at, zone).slice(0, 19).replace('T', ' ')).toBe(clocks.get(zone)?.(at));
    }),
    { numRuns: cases(1500) },
  );
});

test('every reading of a wall clock shows it, and none is missing', () => {
  const instants = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2030, 0, 1) });
  fc.assert(
    fc.property(fc.constantFrom(...HARD_ZONES), instants, (zone, at) => {
      const found = readings(wallClock(at, zone), zone);
      expect(found).toContain(at);
      for (const each of found) expect(wallClock(each, zone)).toBe(wallClock(at, zone));
    }),
  );
});

test('a wall clock in a gap has no reading, one in a repeated hour has two', () => {
  expect(readings('2026-03-29T02:30:00.000', 'Europe/Berlin')).toEqual([]);
  expect(readings('2026-10-25T02:30:00.000', 'Europe/Berlin').map(iso)).toEqual([
    '2026-10-25T00:30:00.000Z',
    '2026-10-25T01:30:00.000Z',
  ]);
});

test('the local date never runs ahead of where it starts', () => {
  const instants = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2030, 0, 1) });
  fc.assert(
    fc.property(fc.constantFrom(...HARD_ZONES), instants, (zone, at) => {
      const date = localDateOf(at, zone);
      expect(firstInstant(date, zone)).toBeLessThanOrEqual(at);
      // Later than the next date's start only where clocks were set back past midnight.
      expect(firstInstant(addDays(date, 1), zone)).toBeGreaterThan(at - 3 * 3_600_000);
    }),
  );
});

test('people read an instant with its offset, to the second where it has seconds', () => {
  expect(formatLocal(Date.UTC(2026, 10, 25, 5, 15), 'Europe/Berlin')).toBe('2026-11-25 06:15:00 +01:00');
  expect(formatLocal(Date.UTC(2026, 10, 25, 5, 15), 'America/St_Johns')).toBe('2026-11-25 01:45:00 -03:30');
  expect(formatLocal(Date.UTC(1972, 0, 1, 1), 'Africa/Monrovia')).toBe('1972-01-01 00:15:30 -00:44:30');
  expect(offsetAt(Date.UTC(1972, 0, 1, 1), 'Africa/Monrovia')).toBe(-2_670_000);
});

test('an unknown zone is an error that says what to write', () => {
  expect(() => firstInstant('2026-01-01', 'Europe/Berln')).toThrow('unknown timezone "Europe/Berln"');
});

test('365,000 boundaries cost well under a second, a zone-year that was never asked for a few milliseconds', () => {
  const dates = Array.from({ length: 365 }, (_, day) => dateOfDay(19_723 + day));
  const begin = performance.now();
  for (const date of dates) firstInstant(date, 'America/Chicago');
  const fresh = performance.now() - begin;
  for (let jobs = 0; jobs < 1000; jobs += 1) for (const date of dates) firstInstant(date, 'America/Chicago');
  // Bounds are generous: the machine that runs this may be busy.
  expect(fresh).toBeLessThan(250);
  expect(performance.now() - begin).toBeLessThan(1500);
});
