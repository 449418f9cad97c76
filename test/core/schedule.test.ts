import { describe, expect, test } from 'vitest';
import { checkCron, nextTicks, ticksBetween } from '../../src/core/schedule.ts';
import { iso } from './series.ts';

const ticks = (cron: string, timezone: string, after: string, upTo: string) =>
  ticksBetween({ cron, timezone, jitter: 0 }, Date.parse(after), Date.parse(upTo)).map(iso);
const upcoming = (cron: string, timezone: string, after: string, count: number) =>
  nextTicks({ cron, timezone, jitter: 0 }, Date.parse(after), count).map((at) => iso(at).slice(0, 16));

describe('clock changes', () => {
  test('a daily tick whose time is in the gap comes at its end, on that day (case a13)', () => {
    expect(ticks('0 0 * * *', 'Africa/Cairo', '2026-04-23T12:00:00Z', '2026-04-25T12:00:00Z')).toEqual([
      '2026-04-23T22:00:00.000Z',
      '2026-04-24T21:00:00.000Z',
    ]);
    expect(upcoming('0 0 * * *', 'Africa/Cairo', '2026-04-23T12:00:00Z', 1)).toEqual(['2026-04-23T22:00']);
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  test('several times in one gap tick once at its end', () => {
    expect(ticks('0,20,40 2,3 * * *', 'Europe/Berlin', '2026-03-29T00:00:00Z', '2026-03-29T01:20:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T01:20:00.000Z',
    ]);
  });

  test('a date that its zone skipped ticks where it would have been', () => {
    expect(ticks('0 6 30 12 *', 'Pacific/Apia', '2011-12-01T00:00:00Z', '2012-01-01T00:00:00Z')).toEqual([
      '2011-12-30T10:00:00.000Z',
    ]);
  });

  test('a fixed time in a repeated hour ticks once, at the first', () => {
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-25T00:30:00.000Z',
    ]);
    expect(ticks('0 0 * * *', 'Atlantic/Azores', '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-25T00:00:00.000Z',
    ]);
    // Looking again between the two readings finds nothing.
    expect(ticks('30 2 * * *', 'Europe/Berlin', '2026-10-25T00:45:00Z', '2026-10-25T12:00:00Z')).toEqual([]);
  });

  test('every hour and every 15 minutes go on in real time through a repeated hour', () => {
    expect(
      ticks('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', '2026-10-25T02:30:00Z').map((at) => at.slice(11, 16)),
    ).toEqual(['00:00', '01:00', '02:00']);
    expect(ticks('*/15 * * * *', 'Europe/Berlin', '2026-10-25T00:00:00Z', '2026-10-25T02:00:00Z')).toHaveLength(8);
    expect(ticks('*/15 * * * *', 'Europe/Berlin', '2026-03-29T00:00:00Z', '2026-03-29T02:00:00Z')).toHaveLength(8);
  });

  test('offsets with half hours tick at local minutes', () => {
    expect(ticks('0 9 * * *', 'Asia/Kathmandu', '2026-11-24T12:00:00Z', '2026-11-25T12:00:00Z')).toEqual([
      '2026-11-25T03:15:00.000Z',
    ]);
  });
});

describe('crontab(5)', () => {
  test('day of month or day of week suffices where both are named (case a15)', () => {
    expect(upcoming('0 6 1 * 1', 'UTC', '2026-11-02T07:00:00Z', 5)).toEqual([
      '2026-11-09T06:00',
      '2026-11-16T06:00',
      '2026-11-23T06:00',
      '2026-11-30T06:00',
      '2026-12-01T06:00',
    ]);
  });

  test('a day field that begins with * restricts together with the other', () => {
    // Mondays that are odd dates.
    expect(upcoming('0 6 */2 * 1', 'UTC', '2026-11-02T07:00:00Z', 2)).toEqual(['2026-11-09T06:00', '2026-11-23T06:00']);
  });

  test.each([
    ['@hourly', '2026-11-25T13:00'],
    ['@daily', '2026-11-26T00:00'],
    ['@midnight', '2026-11-26T00:00'],
    ['@weekly', '2026-11-29T00:00'],
    ['@monthly', '2026-12-01T00:00'],
    ['@yearly', '2027-01-01T00:00'],
    ['@annually', '2027-01-01T00:00'],
    ['@Daily', '2026-11-26T00:00'],
    ['15 6 * * *', '2026-11-26T06:15'],
    ['*/20 * * * *', '2026-11-25T12:20'],
    ['5-59/20 * * * *', '2026-11-25T12:05'],
    ['0 8-18/5 * * *', '2026-11-25T13:00'],
    ['0 0 * * 7', '2026-11-29T00:00'],
    ['0 0 * * sun', '2026-11-29T00:00'],
    ['0 0 * JAN,feb mon-fri', '2027-01-01T00:00'],
    ['0 0 29 2 *', '2028-02-29T00:00'],
    ['  0   0 \t* * 5-7 ', '2026-11-27T00:00'],
  ])('%s comes next at %s', (cron, next) => {
    expect(checkCron(cron)).toBeUndefined();
    expect(upcoming(cron, 'UTC', '2026-11-25T12:00:00Z', 1)).toEqual([next]);
  });

  test.each([
    ['0 15 6 * * *', 'six fields'],
    ['15 6 * *', 'is not five fields'],
    ['', 'is not five fields'],
    ['@reboot', 'is no word for a schedule'],
    ['60 * * * *', '"60" is not 0 to 59'],
    ['0 24 * * *', '"24" is not 0 to 23'],
    ['0 0 0 * *', '"0" is not 1 to 31'],
    ['0 0 * 13 *', '"13" is not 1 to 12 or jan to dec'],
    ['0 0 * * 8', '"8" is not 0 to 7 or sun to sat'],
    ['0 0 * * monday', '"monday" is not 0 to 7 or sun to sat'],
    ['0 0 * * fri-sun', 'runs backwards'],
    ['5/15 * * * *', 'a step needs a range, such as 5-59/15'],
    ['*/0 * * * *', 'a step of 0'],
    ['*-5 * * * *', 'cannot read "*-5"'],
    ['1,,2 * * * *', 'cannot read ""'],
    ['0 0 L * *', '"L" is not 1 to 31'],
    ['0 0 ? * 1', '"?" is not 1 to 31'],
    ['0 0 * * 1#2', 'is not 0 to 7'],
    ['1.5 * * * *', '"1.5" is not 0 to 59'],
    ['0 0 30 2 *', 'never comes'],
    ['0 0 31 4,6,9,11 *', 'never comes'],
  ])('%j is refused: %s', (cron, problem) => {
    expect(checkCron(cron)).toContain(problem);
    expect(() => ticks(cron, 'UTC', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  test('a date that no month has is no problem where a weekday suffices', () => {
    expect(checkCron('0 0 30 2 1')).toBeUndefined();
    expect(upcoming('0 0 30 2 1', 'UTC', '2026-11-25T12:00:00Z', 1)).toEqual(['2027-02-01T00:00']);
  });

  test('a schedule that comes once in 28 years is found, and one that has no second time in 41 is said with what there is', () => {
    expect(upcoming('0 0 29 2 */7', 'UTC', '2026-11-25T12:00:00Z', 2)).toEqual([
      '2032-02-29T00:00',
      '2060-02-29T00:00',
    ]);
    expect(upcoming('0 0 29 2 */7', 'UTC', '2070-11-25T12:00:00Z', 3)).toHaveLength(1);
  });
});

test('a tick belongs to the look that ends at it, never to the one that begins at it', () => {
  expect(ticks('0 6 * * *', 'UTC', '2026-11-25T05:59:59.999Z', '2026-11-25T06:00:00Z')).toHaveLength(1);
  expect(ticks('0 6 * * *', 'UTC', '2026-11-25T06:00:00Z', '2026-11-25T06:00:15Z')).toEqual([]);
  expect(ticks('0 6 * * *', 'UTC', '2026-11-25T06:00:00Z', '2026-11-25T06:00:00Z')).toEqual([]);
  expect(ticks('* * * * *', 'UTC', '2026-11-25T06:00:00Z', '2026-11-25T05:00:00Z')).toEqual([]);
});

test('a look at 10,000 schedules costs well under a second', () => {
  const zones = ['Europe/Berlin', 'UTC', 'America/New_York', 'Asia/Kolkata'];
  const schedules = Array.from({ length: 10_000 }, (_, n) => ({
    cron: n % 3 === 0 ? '*/15 * * * *' : `${n % 60} ${n % 24} * * *`,
    timezone: zones[n % 4] ?? 'UTC',
    jitter: 0,
  }));
  const begin = performance.now();
  const at = Date.parse('2026-11-25T06:15:05Z');
  let due = 0;
  for (const schedule of schedules) due += ticksBetween(schedule, at - 15_000, at).length;
  expect(due).toBeGreaterThan(3_000);
  expect(performance.now() - begin).toBeLessThan(1000);
});
