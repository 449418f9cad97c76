import { describe, expect, test } from 'vitest';
import { retryAfter } from '../../src/sources/export-api/retry-after.ts';

const NOW = Date.parse('2026-11-25T01:00:00Z');

describe('Retry-After (case c04)', () => {
  test.each([
    ['whole seconds', '2', 2000],
    ['seconds among blanks', ' 2 ', 2000],
    ['an HTTP date', 'Wed, 25 Nov 2026 01:00:03 GMT', 3000],
    ['an HTTP date of RFC 850', 'Wednesday, 25-Nov-26 01:00:03 GMT', 3000],
    ['an HTTP date of asctime', 'Wed Nov 25 01:00:03 2026', 3000],
    ['asctime with a blank before the day', 'Sat Dec  5 01:00:00 2026', 10 * 24 * 3600 * 1000],
    ['two headers: the longer', ['1', '3'], 3000],
    ['two headers that a proxy joined', '1, 3', 3000],
    ['two headers, one of them nonsense', ['soon', '1'], 1000],
  ])('is read: %s', (_what, header, wait) => {
    expect(retryAfter(header, NOW)).toBe(wait);
  });

  test.each([
    ['a date in the past', 'Wed, 25 Nov 2026 00:59:00 GMT'],
    ['zero', '0'],
    ['a negative number', '-5'],
    ['a fraction', '1.5'],
    ['a word', 'soon'],
    ['nothing', ''],
    ['no header', undefined],
    ['a date of no month', 'Wed, 25 Nix 2026 01:00:03 GMT'],
    ['a date in ISO 8601', '2026-11-25T01:00:03Z'],
    ['two digits of a year long ago', 'Sunday, 06-Nov-94 08:49:37 GMT'],
  ])('asks for no wait of its own: %s', (_what, header) => {
    expect(retryAfter(header, NOW)).toBeUndefined();
  });
});
