import { expect, test } from 'vitest';
import { describeWindow, WINDOW_WORDS, windowOf } from '../../src/core/window.ts';
import { windowWith } from './series.ts';

test.each([
  ['yesterday', { grain: 'day', span: 1, lookback: 1, include_open: false }],
  ['last 7 days', { grain: 'day', span: 1, lookback: 7, include_open: false }],
  ['last 4 weeks', { grain: 'week', span: 1, lookback: 4, include_open: false }],
  ['last 1 day', { grain: 'day', span: 1, lookback: 1, include_open: false }],
  ['last 48 hours', { grain: 'hour', span: 1, lookback: 48, include_open: false }],
  ['previous week', { grain: 'week', span: 1, lookback: 1, include_open: false }],
  ['previous month', { grain: 'month', span: 1, lookback: 1, include_open: false }],
  ['previous quarter', { grain: 'quarter', span: 1, lookback: 1, include_open: false }],
  ['previous year', { grain: 'year', span: 1, lookback: 1, include_open: false }],
  ['week to date', { grain: 'week', span: 1, include_open: true }],
  ['month to date', { grain: 'month', span: 1, include_open: true }],
  ['quarter to date', { grain: 'quarter', span: 1, include_open: true }],
  ['year to date', { grain: 'year', span: 1, include_open: true }],
  ['rolling 30 days', { grain: 'day', span: 30, include_open: false }],
  ['rolling 12 months', { grain: 'month', span: 12, include_open: false }],
])('%s is a window', (word, window) => expect(windowOf(word)).toEqual(window));

test.each([
  'last 0 days',
  'last 07 days',
  'last -1 days',
  'last days',
  'last 7 day',
  'last 7 fortnights',
  'last 10000 days',
  'previous day',
  'day to date',
  'today',
  'Yesterday',
  'rolling 30',
  ' yesterday',
  '',
])('%j is no word for a window', (word) => expect(windowOf(word)).toBeUndefined());

test('every word of the table is one', () => {
  for (const { example } of WINDOW_WORDS) expect(windowOf(example), example).toBeDefined();
});

test('a window is shown as one would write it', () => {
  expect(describeWindow(windowWith({ lookback: 3, delay: 7_200_000, begin: '2026-01-01' }))).toBe(
    '{ grain: day, span: 1, lookback: 3, delay: 2h, include_open: false, begin: 2026-01-01 }',
  );
  expect(describeWindow(windowWith({ grain: 'month', includeOpen: true, delay: 5_400_000 }))).toBe(
    '{ grain: month, span: 1, delay: 90m, include_open: true }',
  );
  expect(describeWindow(windowWith({ delay: 0 }))).toContain('delay: 0h');
  expect(describeWindow(windowWith({ delay: 86_400_000 }))).toContain('delay: 1d');
});
