import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDays, addMonths, dateOfDay, dayNumber, daysBetween, isLocalDate } from '../../src/core/dates.ts';

const anyDay = fc.integer({ min: dayNumber('1900-01-01'), max: dayNumber('2199-12-31') });

test('a date is one that the calendar has', () => {
  for (const date of ['2024-02-29', '2026-12-31', '0001-01-01', '2000-02-29'])
    expect(isLocalDate(date), date).toBe(true);
  for (const text of [
    '2026-02-29',
    '1900-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-1-1',
    '2026-01-01T00:00',
    ' 2026-01-01',
    '',
  ]) {
    expect(isLocalDate(text), text).toBe(false);
  }
});

test('a number of days comes back as the same date', () => {
  fc.assert(fc.property(anyDay, (day) => isLocalDate(dateOfDay(day)) && dayNumber(dateOfDay(day)) === day));
});

test('adding days crosses month ends, leap days and years', () => {
  expect(addDays('2024-02-28', 1)).toBe('2024-02-29');
  expect(addDays('2026-02-28', 1)).toBe('2026-03-01');
  expect(addDays('2027-01-01', -1)).toBe('2026-12-31');
  fc.assert(
    fc.property(
      anyDay,
      fc.integer({ min: -4000, max: 4000 }),
      (day, n) => daysBetween(dateOfDay(day), addDays(dateOfDay(day), n)) === n,
    ),
  );
});

test('a month later is the same day, or the last of a shorter month', () => {
  expect(addMonths('2026-01-31', 1)).toBe('2026-02-28');
  expect(addMonths('2024-01-31', 1)).toBe('2024-02-29');
  expect(addMonths('2026-05-31', -3)).toBe('2026-02-28');
  expect(addMonths('2026-11-15', 14)).toBe('2028-01-15');
  expect(addMonths('2024-02-29', -12)).toBe('2023-02-28');
});
