import { describe, expect, test } from 'vitest';
import { countGiven, dateGiven, datesGiven, instantGiven } from '../../src/cli/words-given.ts';

describe('dates and instants on the command line', () => {
  test('a date that the calendar does not have is refused, and said so', () => {
    expect(() => dateGiven('--from', '2026-02-30')).toThrow('--from: the calendar has no 2026-02-30');
  });

  test.each(['2026-2-3', 'yesterday', '2026-11-23T00:00', '20261123', ''])('%j is no date', (text) => {
    expect(() => dateGiven('--to', text)).toThrow('--to: a date is written YYYY-MM-DD');
  });

  test('dates the wrong way round are refused instead of meaning nothing', () => {
    expect(() => datesGiven({ from: '2026-11-02', to: '2026-11-01' })).toThrow(
      '--from 2026-11-02 is after --to 2026-11-01',
    );
  });

  test('an instant is read to the millisecond, whatever its offset', () => {
    expect(instantGiven('--at', '2026-11-25T06:15:00.250+01:00')).toBe(Date.UTC(2026, 10, 25, 5, 15, 0, 250));
    expect(instantGiven('--at', '2026-11-25 05:15Z')).toBe(Date.UTC(2026, 10, 25, 5, 15));
  });

  test.each(['2026-11-25', '2026-11-25T06:15', '2026-11-25 06:15:00'])(
    '%s is refused: without an offset it is a different instant for every reader',
    (text) => {
      expect(() => instantGiven('--at', text)).toThrow('names no offset from UTC');
    },
  );

  test.each(['now', '1732514400', '2026-02-30T00:00:00Z', '2026-11-25T25:00:00Z'])('%s is no instant', (text) => {
    expect(() => instantGiven('--at', text)).toThrow('is no instant');
  });

  test.each(['0', '-1', '1.5', '1e3', '', '99999999999999999999'])('%j is no count', (text) => {
    expect(() => countGiven('--limit', text)).toThrow('--limit: a whole number from 1 on');
  });
});
