import { describe, expect, test } from 'vitest';
import { retentionEdge } from '../../src/core/retention.ts';

const edge = (now: string, amount: number, unit: 'day' | 'month' | 'year'): string =>
  new Date(retentionEdge({ amount, unit }, Date.parse(now))).toISOString();

describe('the retention edge', () => {
  test('is the start of the UTC day of now less the history, plus one day', () => {
    expect(edge('2026-11-25T05:15:00Z', 12, 'month')).toBe('2025-11-26T00:00:00.000Z');
    expect(edge('2026-11-25T23:59:59.999Z', 12, 'month')).toBe('2025-11-26T00:00:00.000Z');
    expect(edge('2026-11-25T00:00:00Z', 90, 'day')).toBe('2026-08-28T00:00:00.000Z');
    expect(edge('2026-11-25T05:15:00Z', 2, 'year')).toBe('2024-11-26T00:00:00.000Z');
  });

  test('keeps to the calendar where a month is shorter', () => {
    expect(edge('2028-02-29T12:00:00Z', 1, 'year')).toBe('2027-03-01T00:00:00.000Z');
    expect(edge('2026-05-31T12:00:00Z', 3, 'month')).toBe('2026-03-01T00:00:00.000Z');
  });
});
