import { describe, expect, test } from 'vitest';
import { openAt } from '../../src/core/grid.ts';
import { readRequest, requestBounds } from '../../src/core/request.ts';
import type { Grain, Timezone } from '../../src/core/words.ts';
import { iso, usersOf } from './series.ts';

const boundsAt = (timezone: Timezone, at: string, grain: Grain = 'day', span = 1) =>
  requestBounds(openAt(usersOf(timezone, grain, span), Date.parse(at)));
const asked = (from: string, to: string, timezone: Timezone) => ({
  from: { date: from, timezone },
  to: { date: to, timezone },
});
const read = (from: string, to: string, timezone: Timezone) => {
  const { start, end } = readRequest(asked(from, to, timezone));
  return [iso(start), iso(end)];
};

describe('what a request says', () => {
  test('first to last millisecond on the clocks of the job timezone, always with Z', () => {
    expect(boundsAt('Europe/Berlin', '2026-11-23T12:00:00Z')).toEqual(
      asked('2026-11-23T00:00:00.000Z', '2026-11-23T23:59:59.999Z', 'Europe/Berlin'),
    );
    expect(boundsAt('Europe/Berlin', '2026-10-20T12:00:00Z', 'month')).toEqual(
      asked('2026-10-01T00:00:00.000Z', '2026-10-31T23:59:59.999Z', 'Europe/Berlin'),
    );
  });

  test('a day that starts in a gap asks from the first time that exists (case a01)', () => {
    expect(boundsAt('Africa/Cairo', '2026-04-24T12:00:00Z')).toEqual(
      asked('2026-04-24T01:00:00.000Z', '2026-04-24T23:59:59.999Z', 'Africa/Cairo'),
    );
  });

  test('a day without its last hour asks up to the last millisecond that exists (case a04)', () => {
    expect(boundsAt('America/Nuuk', '2026-03-28T12:00:00Z')).toEqual(
      asked('2026-03-28T00:00:00.000Z', '2026-03-28T22:59:59.999Z', 'America/Nuuk'),
    );
    expect(read('2026-03-28T00:00:00.000Z', '2026-03-28T22:59:59.999Z', 'America/Nuuk')).toEqual([
      '2026-03-28T02:00:00.000Z',
      '2026-03-29T01:00:00.000Z',
    ]);
  });

  test('the bounds of an ordinary day are the same under every tz version (case a07)', () => {
    for (const zone of ['Africa/Casablanca', 'America/Edmonton', 'America/Vancouver', 'America/Havana']) {
      expect(boundsAt(zone, '2026-09-21T12:00:00Z')).toEqual(
        asked('2026-09-21T00:00:00.000Z', '2026-09-21T23:59:59.999Z', zone),
      );
    }
    expect(boundsAt('Africa/Casablanca', '2026-09-20T12:00:00Z')).toEqual(
      asked('2026-09-20T00:00:00.000Z', '2026-09-20T23:59:59.999Z', 'Africa/Casablanca'),
    );
  });

  test('thirty rolling days are one request (case a08)', () => {
    expect(boundsAt('Europe/Berlin', '2026-04-09T12:00:00Z', 'day', 30)).toEqual(
      asked('2026-03-11T00:00:00.000Z', '2026-04-09T23:59:59.999Z', 'Europe/Berlin'),
    );
  });

  test('a bound that clocks show twice is asked for in UTC, and so is its partner (case a02)', () => {
    expect(boundsAt('Atlantic/Azores', '2026-10-25T12:00:00Z')).toEqual(
      asked('2026-10-25T00:00:00.000Z', '2026-10-26T00:59:59.999Z', 'UTC'),
    );
  });

  test('hours are asked for in UTC', () => {
    expect(boundsAt('Asia/Kolkata', '2026-11-23T04:10:00Z', 'hour')).toEqual(
      asked('2026-11-23T04:00:00.000Z', '2026-11-23T04:59:59.999Z', 'UTC'),
    );
  });
});

describe('how a server reads it', () => {
  test('a trailing Z is dropped: the timezone alone says what the clock means', () => {
    const berlin = ['2026-11-22T23:00:00.000Z', '2026-11-23T23:00:00.000Z'];
    expect(read('2026-11-23T00:00:00.000Z', '2026-11-23T23:59:59.999Z', 'Europe/Berlin')).toEqual(berlin);
    expect(read('2026-11-23T00:00:00.000', '2026-11-23T23:59:59.999', 'Europe/Berlin')).toEqual(berlin);
    expect(read('2026-11-23T00:00:00', '2026-11-23T23:59:59.999', 'Europe/Berlin')).toEqual(berlin);
  });

  test('the upper bound includes its whole millisecond', () => {
    expect(read('2026-11-23T00:00:00.000', '2026-11-23T00:00:00.000', 'UTC')).toEqual([
      '2026-11-23T00:00:00.000Z',
      '2026-11-23T00:00:00.001Z',
    ]);
  });

  test('from and to may name different timezones', () => {
    const { start, end } = readRequest({
      from: { date: '2024-01-01T00:00:00.000', timezone: 'Europe/Berlin' },
      to: { date: '2024-01-31T23:59:59.999', timezone: 'UTC' },
    });
    expect([iso(start), iso(end)]).toEqual(['2023-12-31T23:00:00.000Z', '2024-02-01T00:00:00.000Z']);
  });

  test('of an hour that comes twice, from is the first and to the second', () => {
    expect(read('2026-10-25T02:30:00.000', '2026-10-25T02:30:00.000', 'Europe/Berlin')).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:30:00.001Z',
    ]);
  });

  test('of a time that does not exist, from is the end of the gap and to the last millisecond before it', () => {
    const gap = '2026-03-29T01:00:00.000Z';
    expect(read('2026-03-29T02:30:00.000', '2026-03-29T03:30:00.000', 'Europe/Berlin')[0]).toBe(gap);
    expect(read('2026-03-29T01:30:00.000', '2026-03-29T02:30:00.000', 'Europe/Berlin')[1]).toBe(gap);
    expect(read('2026-03-29T02:10:00.000', '2026-03-29T02:50:00.000', 'Europe/Berlin')).toEqual([gap, gap]);
  });

  test('other names of a zone are read too: people write them', () => {
    expect(read('2026-11-23T00:00:00', '2026-11-23T23:59:59.999', 'Europe/Kiev')[0]).toBe('2026-11-22T22:00:00.000Z');
    expect(read('2026-11-23T00:00:00', '2026-11-23T23:59:59.999', 'Etc/GMT+5')[0]).toBe('2026-11-23T05:00:00.000Z');
  });

  test.each([
    ['2026-11-23T00:00:00.000+00:00', 'UTC'],
    ['2026-11-23T00:00:00.000+0100', 'UTC'],
    ['2026-11-23', 'UTC'],
    ['2026-02-30T00:00:00.000', 'UTC'],
    ['2026-11-23T24:00:00.000', 'UTC'],
    ['2026-11-23 00:00:00.000', 'UTC'],
    ['2026-11-23T00:00:00.0000', 'UTC'],
    ['yesterday', 'UTC'],
    ['', 'UTC'],
    ['2026-11-23T00:00:00.000Z', 'Europe/Berln'],
    ['2026-11-23T00:00:00.000Z', '+02:00'],
    ['2026-11-23T00:00:00.000Z', 'europe/berlin'],
    ['2026-11-23T00:00:00.000Z', ''],
  ])('%j in %j is a bad request', (date, timezone) => {
    const good = { date: '2026-11-23T00:00:00.000Z', timezone: 'UTC' };
    for (const bounds of [
      { from: { date, timezone }, to: good },
      { from: good, to: { date, timezone } },
    ]) {
      expect(() => readRequest(bounds)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }));
    }
  });

  test('from after to is a bad request, by a millisecond already', () => {
    const backwards = expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringContaining('is after to') });
    expect(() => read('2026-11-23T00:00:00.001', '2026-11-23T00:00:00.000', 'UTC')).toThrow(backwards);
    expect(() =>
      readRequest({
        from: { date: '2026-11-23T00:00:00.000', timezone: 'America/New_York' },
        to: { date: '2026-11-23T04:59:59.999', timezone: 'UTC' },
      }),
    ).toThrow(backwards);
  });
});
