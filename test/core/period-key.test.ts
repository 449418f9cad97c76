import { expect, test } from 'vitest';
import { openAt, periodsBetween } from '../../src/core/grid.ts';
import { formatKey, parseKey } from '../../src/core/period-key.ts';
import { iso, usersOf } from './series.ts';

test('a key is source, report, local bounds and timezone', () => {
  const berlin = usersOf('Europe/Berlin');
  const byModel = { ...berlin, report: { dataType: 'users', groupBy: 'model' } } as const;
  expect(formatKey(byModel, '2026-11-23', '2026-11-24')).toBe('acme/users:model/2026-11-23/2026-11-24@Europe/Berlin');
  const hourly = {
    ...usersOf('Europe/Berlin', 'hour'),
    source: 'store',
    report: { dataType: 'agents', groupBy: undefined },
  } as const;
  expect(formatKey(hourly, '2026-11-23T04', '2026-11-23T05')).toBe('store/agents/2026-11-23T04/2026-11-23T05@UTC');
});

test('a key comes back as the period that it names', () => {
  const period = parseKey('acme/users:model/2026-11-23/2026-11-24@Europe/Berlin');
  expect(period).toMatchObject({
    key: 'acme/users:model/2026-11-23/2026-11-24@Europe/Berlin',
    source: 'acme',
    report: { dataType: 'users', groupBy: 'model' },
    grid: { grain: 'day', span: 1, timezone: 'Europe/Berlin' },
    date: '2026-11-23',
  });
  expect(iso(period?.start ?? 0)).toBe('2026-11-22T23:00:00.000Z');
  expect(parseKey('acme/models/2026-11-01/2026-12-01@UTC')?.grid).toEqual({ grain: 'month', span: 1, timezone: 'UTC' });
  expect(parseKey('store/agents/2026-11-23T04/2026-11-23T05@UTC')?.grid).toEqual({
    grain: 'hour',
    span: 1,
    timezone: 'UTC',
  });
});

test('bounds that fit several grids are read on the coarsest, or on the grid that is known', () => {
  const key = 'acme/users/2026-11-01/2026-12-01@UTC';
  expect(parseKey(key)?.grid).toMatchObject({ grain: 'month', span: 1 });
  const rolling = { grain: 'day', span: 30, timezone: 'UTC' } as const;
  expect(parseKey(key, rolling)).toMatchObject({ key, grid: rolling, date: '2026-11-30' });
  expect(parseKey(key, { grain: 'day', span: 31, timezone: 'UTC' })).toBeUndefined();
  expect(parseKey(key, { grain: 'day', span: 30, timezone: 'Europe/Berlin' })).toBeUndefined();
  expect(parseKey('acme/users/2026-11-02/2026-12-02@UTC')?.grid).toMatchObject({ grain: 'day', span: 30 });
  expect(parseKey('acme/users/2026-01-01/2026-07-01@UTC')?.grid).toMatchObject({ grain: 'quarter', span: 2 });
});

test('an hour keeps the timezone of the job where its grid is known', () => {
  const hourly = usersOf('Asia/Kolkata', 'hour');
  const hour = openAt(hourly, Date.parse('2026-11-23T18:45:00Z'));
  expect(parseKey(hour.key, hourly.grid)).toEqual(hour);
});

test('every grain and span comes back on its grid', () => {
  for (const grain of ['day', 'week', 'month', 'quarter', 'year'] as const) {
    const single = usersOf('America/Santiago', grain);
    for (const period of periodsBetween(single, '2022-01-01', '2025-12-31'))
      expect(parseKey(period.key)).toEqual(period);
    const rolling = usersOf('America/Santiago', grain, 7);
    for (const period of periodsBetween(rolling, '2024-01-01', '2025-12-31')) {
      expect(parseKey(period.key, rolling.grid)).toEqual(period);
      expect(parseKey(period.key)).toMatchObject({ start: period.start, end: period.end });
    }
  }
});

test.each([
  'acme/assistants/2026-11-23/2026-11-24@UTC',
  'acme/teams/2026-11-23/2026-11-24@UTC',
  'acme/projects:model/2026-11-23/2026-11-24@UTC',
  'acme/users/2026-11-24/2026-11-23@UTC',
  'acme/users/2026-11-23/2026-11-23@UTC',
  'acme/users/2026-02-29/2026-03-01@UTC',
  'acme/users/2026-02-28/2026-02-29@UTC',
  'acme/users/2026-11-23T04/2026-11-23T05@Europe/Berlin',
  'acme/users/2026-11-23T24/2026-11-24T01@UTC',
  'acme/users/2026-11-23/2026-11-24T05@UTC',
  'acme/users/2026-11-23T00:00/2026-11-24T00:00@UTC',
  'acme/users/2026-11-23/2026-11-24@europe/berlin',
  'acme/users/2026-11-23/2026-11-24@Europe/Kiev',
  'acme/users/2026-11-23/2026-11-24',
  'Acme/users/2026-11-23/2026-11-24@UTC',
  'acme/users/2011-12-30/2011-12-31@Pacific/Apia',
  '',
])('%j is no key', (text) => expect(parseKey(text)).toBeUndefined());
