import { describe, expect, test } from 'vitest';
import {
  isClosed,
  newestEndedBy,
  next,
  openAt,
  periodsBetween,
  previous,
  type Series,
  settlesAt,
} from '../../src/core/grid.ts';
import type { Instant, Period } from '../../src/core/words.ts';
import { iso, keys, usersOf, windowWith } from './series.ts';

const HOUR = 3_600_000;
const boundaries = (periods: Iterable<Period>) => {
  const all = [...periods];
  return [...all.map(({ start }) => start), all.at(-1)?.end ?? Number.NaN].map(iso);
};
const hours = ({ start, end }: Period) => (end - start) / HOUR;

/** The newest `count` periods that had ended, newest first. */
function newest(series: Series, at: Instant, count: number): Period[] {
  const found = [newestEndedBy(series, at)];
  for (let last = found.at(-1); last !== undefined && found.length < count; last = found.at(-1)) {
    found.push(previous(series, last));
  }
  return found;
}

describe('days', () => {
  test('a day whose midnight does not exist is one period of 23 hours, and its neighbours keep theirs (case a01)', () => {
    const days = [...periodsBetween(usersOf('Africa/Cairo'), '2026-04-23', '2026-04-26')];
    expect(keys(days)).toEqual([
      'acme/users/2026-04-23/2026-04-24@Africa/Cairo',
      'acme/users/2026-04-24/2026-04-25@Africa/Cairo',
      'acme/users/2026-04-25/2026-04-26@Africa/Cairo',
      'acme/users/2026-04-26/2026-04-27@Africa/Cairo',
    ]);
    expect(days.map(hours)).toEqual([24, 23, 24, 24]);
    expect(boundaries(days)).toEqual([
      '2026-04-22T22:00:00.000Z',
      '2026-04-23T22:00:00.000Z',
      '2026-04-24T21:00:00.000Z',
      '2026-04-25T21:00:00.000Z',
      '2026-04-26T21:00:00.000Z',
    ]);
  });

  test('a day whose first hour comes twice has one start, whatever it was reached from (case a02)', () => {
    const series = usersOf('Atlantic/Azores');
    const noonAfter = newestEndedBy(series, Date.parse('2026-10-27T12:00:00Z'));
    const found = [
      previous(series, noonAfter),
      [...periodsBetween(series, '2026-10-24', '2026-10-26')][1],
      openAt(series, Date.parse('2026-10-25T20:00:00Z')),
      openAt(series, Date.parse('2026-10-25T00:30:00Z')),
      openAt(series, Date.parse('2026-10-25T01:30:00Z')),
      next(series, newestEndedBy(series, Date.parse('2026-10-25T00:00:00Z'))),
    ];
    for (const day of found) {
      expect(day?.key).toBe('acme/users/2026-10-25/2026-10-26@Atlantic/Azores');
      expect(iso(day?.start ?? 0)).toBe('2026-10-25T00:00:00.000Z');
      expect(iso(day?.end ?? 0)).toBe('2026-10-26T01:00:00.000Z');
    }
  });

  test('a date that its zone skipped is no period', () => {
    const series = usersOf('Pacific/Apia');
    const days = [...periodsBetween(series, '2011-12-29', '2011-12-31')];
    const dates = (periods: Period[]) => periods.map(({ date }) => date);
    expect(dates(days)).toEqual(['2011-12-29', '2011-12-31']);
    expect(dates(newest(series, Date.parse('2012-01-01T12:00:00Z'), 3))).toEqual([
      '2012-01-01',
      '2011-12-31',
      '2011-12-29',
    ]);
    expect(days.slice(0, 1).map((day) => next(series, day).date)).toEqual(['2011-12-31']);
    expect([...periodsBetween(series, '2011-12-30', '2011-12-30')]).toEqual([]);
    // The instant at which the 29th ended began the 31st.
    expect(newestEndedBy(series, Date.parse('2011-12-30T10:00:00Z')).date).toBe('2011-12-29');
    expect(openAt(series, Date.parse('2011-12-30T10:00:00Z')).date).toBe('2011-12-31');
  });

  test('a period has ended at its end, not a millisecond before', () => {
    const series = usersOf('Europe/Berlin');
    const midnight = Date.parse('2026-11-24T23:00:00Z');
    expect(newestEndedBy(series, midnight).date).toBe('2026-11-24');
    expect(newestEndedBy(series, midnight - 1).date).toBe('2026-11-23');
    expect(openAt(series, midnight - 1).date).toBe('2026-11-24');
    expect(openAt(series, midnight).date).toBe('2026-11-25');
  });
});

describe('longer grains', () => {
  test('weeks run from Monday to Monday across the turn of the year (case a09)', () => {
    const [week, before] = newest(usersOf('Europe/Berlin', 'week'), Date.parse('2027-01-05T08:00:00Z'), 2);
    expect(week).toMatchObject({ key: 'acme/users/2026-12-28/2027-01-04@Europe/Berlin', date: '2026-12-28' });
    expect([iso(week?.start ?? 0), iso(week?.end ?? 0)]).toEqual([
      '2026-12-27T23:00:00.000Z',
      '2027-01-03T23:00:00.000Z',
    ]);
    expect(before?.key).toBe('acme/users/2026-12-21/2026-12-28@Europe/Berlin');
  });

  test('months counted back from the 31st are four different months, February among them (case a10)', () => {
    const months = (at: string) =>
      keys(newest(usersOf('Europe/Berlin', 'month'), Date.parse(at), 4)).map((key) => key.slice(11, 32));
    expect(months('2026-05-31T12:00:00Z')).toEqual([
      '2026-04-01/2026-05-01',
      '2026-03-01/2026-04-01',
      '2026-02-01/2026-03-01',
      '2026-01-01/2026-02-01',
    ]);
    expect(months('2026-03-30T12:00:00Z')).toEqual([
      '2026-02-01/2026-03-01',
      '2026-01-01/2026-02-01',
      '2025-12-01/2026-01-01',
      '2025-11-01/2025-12-01',
    ]);
  });

  test('a month that starts in a gap does not shift the months after it (case a18)', () => {
    const months = [...periodsBetween(usersOf('America/Asuncion', 'month'), '2023-09-01', '2023-12-31')];
    expect(boundaries(months)).toEqual([
      '2023-09-01T04:00:00.000Z',
      '2023-10-01T04:00:00.000Z',
      '2023-11-01T03:00:00.000Z',
      '2023-12-01T03:00:00.000Z',
      '2024-01-01T03:00:00.000Z',
    ]);
    expect(months.at(0)?.key).toBe('acme/users/2023-09-01/2023-10-01@America/Asuncion');
  });

  test('quarters and years start where their first day does', () => {
    expect(
      keys(periodsBetween(usersOf('UTC', 'quarter'), '2026-01-01', '2026-12-31')).map((key) => key.slice(11, 21)),
    ).toEqual(['2026-01-01', '2026-04-01', '2026-07-01', '2026-10-01']);
    expect(openAt(usersOf('Asia/Tokyo', 'year'), Date.parse('2025-12-31T15:00:00Z')).key).toBe(
      'acme/users/2026-01-01/2027-01-01@Asia/Tokyo',
    );
  });

  test('a span of dates selects the periods that start in it, inclusive on both ends', () => {
    const weeks = (from: string, to: string) =>
      [...periodsBetween(usersOf('UTC', 'week'), from, to)].map(({ date }) => date);
    expect(weeks('2026-11-02', '2026-11-16')).toEqual(['2026-11-02', '2026-11-09', '2026-11-16']);
    expect(weeks('2026-11-03', '2026-11-15')).toEqual(['2026-11-09']);
    expect(weeks('2026-11-03', '2026-11-08')).toEqual([]);
  });
});

describe('rolling periods', () => {
  test('thirty rolling days across a clock change are thirty dates, not 720 hours (case a08)', () => {
    const period = newestEndedBy(usersOf('Europe/Berlin', 'day', 30), Date.parse('2026-04-10T06:00:00Z'));
    expect(period.key).toBe('acme/users/2026-03-11/2026-04-10@Europe/Berlin');
    expect([iso(period.start), iso(period.end), hours(period)]).toEqual([
      '2026-03-10T23:00:00.000Z',
      '2026-04-09T22:00:00.000Z',
      719,
    ]);
  });

  test('there is one a grain, dated by its last grain', () => {
    const series = usersOf('UTC', 'day', 30);
    const days = [...periodsBetween(series, '2026-11-29', '2026-12-01')];
    expect(days.map(({ date, key }) => [date, key])).toEqual([
      ['2026-11-29', 'acme/users/2026-10-31/2026-11-30@UTC'],
      ['2026-11-30', 'acme/users/2026-11-01/2026-12-01@UTC'],
      ['2026-12-01', 'acme/users/2026-11-02/2026-12-02@UTC'],
    ]);
    expect(openAt(series, Date.parse('2026-11-30T12:00:00Z')).date).toBe('2026-11-30');
  });
});

describe('hours', () => {
  test('are hours of UTC, dated in the job timezone by their start', () => {
    const hour = openAt(usersOf('Asia/Kolkata', 'hour'), Date.parse('2026-11-23T18:45:00Z'));
    // 23:30 in Kolkata: its second half is tomorrow there.
    expect(hour).toMatchObject({ key: 'acme/users/2026-11-23T18/2026-11-23T19@UTC', date: '2026-11-23' });
    expect(next(usersOf('Asia/Kolkata', 'hour'), hour).date).toBe('2026-11-24');
  });

  test('a date has the hours that start on it: 23, 24 or 25, each once', () => {
    const count = (timezone: string, date: string) =>
      keys(periodsBetween(usersOf(timezone, 'hour'), date, date)).length;
    expect(count('Europe/Berlin', '2026-03-29')).toBe(23);
    expect(count('Europe/Berlin', '2026-10-25')).toBe(25);
    expect(count('Asia/Kolkata', '2026-11-23')).toBe(24);
    // Set back from the first minute of the 7th to the 6th: no hour starts in that minute.
    expect(count('America/St_Johns', '2010-11-06')).toBe(25);
    expect(count('America/St_Johns', '2010-11-07')).toBe(24);
  });

  test('rolling hours are dated by the start of the last', () => {
    const period = openAt(usersOf('Europe/Berlin', 'hour', 24), Date.parse('2026-11-23T23:15:00Z'));
    expect(period).toMatchObject({ key: 'acme/users/2026-11-23T00/2026-11-24T00@UTC', date: '2026-11-24' });
  });
});

describe('closing and settling', () => {
  const series = usersOf('Europe/Berlin');
  const day = openAt(series, Date.parse('2026-11-20T12:00:00Z'));

  test('a period is closed once its delay is over, to the millisecond', () => {
    const window = windowWith({ delay: 2 * HOUR });
    expect(isClosed(day, window, day.end + 2 * HOUR - 1)).toBe(false);
    expect(isClosed(day, window, day.end + 2 * HOUR)).toBe(true);
  });

  test('a period settles lookback - 1 grains after its end, plus the delay', () => {
    const settles = (lookback: number | undefined) => iso(settlesAt(day, windowWith({ lookback, delay: 2 * HOUR })));
    expect(settles(undefined)).toBe('2026-11-21T01:00:00.000Z');
    expect(settles(1)).toBe('2026-11-21T01:00:00.000Z');
    expect(settles(0)).toBe('2026-11-21T01:00:00.000Z');
    expect(settles(3)).toBe('2026-11-23T01:00:00.000Z');
  });

  test('grains are counted on the calendar: a week later is a week later on the clock', () => {
    const before = openAt(series, Date.parse('2026-10-23T12:00:00Z'));
    expect(iso(settlesAt(before, windowWith({ lookback: 3 })))).toBe('2026-10-25T23:00:00.000Z');
    const week = openAt(usersOf('Europe/Berlin', 'week'), Date.parse('2026-10-21T12:00:00Z'));
    expect(iso(settlesAt(week, windowWith({ grain: 'week', lookback: 2 })))).toBe('2026-11-01T23:00:00.000Z');
    const rolling = openAt(usersOf('UTC', 'day', 30), Date.parse('2026-11-20T12:00:00Z'));
    expect(iso(settlesAt(rolling, windowWith({ span: 30, lookback: 2 })))).toBe('2026-11-22T00:00:00.000Z');
    const hour = openAt(usersOf('Europe/Berlin', 'hour'), Date.parse('2026-11-20T12:30:00Z'));
    expect(iso(settlesAt(hour, windowWith({ grain: 'hour', lookback: 48 })))).toBe('2026-11-22T12:00:00.000Z');
  });

  test('a date that the zone skipped is not counted', () => {
    const apia = openAt(usersOf('Pacific/Apia'), Date.parse('2011-12-29T12:00:00Z'));
    expect(apia.date).toBe('2011-12-29');
    expect(iso(settlesAt(apia, windowWith({ lookback: 2 })))).toBe('2011-12-31T10:00:00.000Z');
  });
});
