import { expect, test } from 'vitest';
import { count, counted, duration, list } from '../../src/cli/phrases.ts';

test('counts have separators, and a plural where it is due', () => {
  expect(count(1204311)).toBe('1,204,311');
  expect([0, 1, 2].map((n) => counted(n, 'period'))).toEqual(['0 periods', '1 period', '2 periods']);
});

test.each([
  [0, '1 s'],
  [12_400, '12 s'],
  [99_400, '99 s'],
  [100_000, '2 min'],
  [1_380_000, '23 min'],
  [7_800_000, '2 h 10 min'],
  [7_200_000, '2 h'],
  [273_600_000, '3 d 4 h'],
])('%i ms are %s to a person who waits', (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test('a list reads as a sentence does', () => {
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(list)).toEqual(['', 'a', 'a and b', 'a, b and c']);
});
