import { describe, expect, test } from 'vitest';
import { firstInstant, runtimeKnows } from '../../src/core/local-time.ts';
import { OLD_NAMES } from '../../src/core/zones.data.ts';
import { checkTimezone, TZDB_VERSION, ZONES } from '../../src/core/zones.ts';

const meant = (name: string) => {
  const check = checkTimezone(name);
  return check.ok ? 'accepted' : check.meant;
};

test('the names of zone.tab and UTC are accepted, and the runtime knows them', () => {
  expect(TZDB_VERSION).toMatch(/^20\d\d[a-z]$/);
  expect(ZONES.length).toBeGreaterThan(400);
  expect(ZONES.filter((name) => !runtimeKnows(name))).toEqual([]);
  expect(ZONES.filter((name) => !checkTimezone(name).ok)).toEqual([]);
  for (const name of ['UTC', 'Europe/Kyiv', 'Asia/Kolkata', 'America/Argentina/Buenos_Aires'])
    expect(ZONES).toContain(name);
});

describe('every other spelling is refused (case a17)', () => {
  test.each([
    ['europe/berlin', 'Europe/Berlin'],
    ['Europe/Kiev', 'Europe/Kyiv'],
    ['europe/kiev', 'Europe/Kyiv'],
    ['Asia/Calcutta', 'Asia/Kolkata'],
    ['US/Pacific', 'America/Los_Angeles'],
    ['Etc/UTC', 'UTC'],
    ['GMT', 'UTC'],
    ['Zulu', 'UTC'],
    ['utc', 'UTC'],
    ['Europe/Berln', 'Europe/Berlin'],
    ['Europe/Belrin', 'Europe/Berlin'],
    ['America/New York', 'America/New_York'],
    ['Berlin', 'Europe/Berlin'],
    ['berln', 'Europe/Berlin'],
  ])('%s, because %s is meant', (name, right) => expect(meant(name)).toBe(right));

  test.each(['local', 'system', '', 'UTC+2', 'GMT+2', '+02:00', 'Etc/GMT-3', 'PST', 'CEST', 'Middle/Earth'])(
    '%j, because it names no one zone',
    (name) => expect(meant(name)).toBeUndefined(),
  );

  test('with a reason in words', () => {
    expect(checkTimezone('UTC+2')).toMatchObject({ reason: expect.stringContaining('is an offset') });
    expect(checkTimezone('PST')).toMatchObject({ reason: expect.stringContaining('is an abbreviation') });
    expect(checkTimezone('local')).toMatchObject({ reason: expect.stringContaining('on every machine') });
    expect(checkTimezone('Europe/Kiev')).toMatchObject({ reason: 'Europe/Kiev is another name of Europe/Kyiv' });
  });
});

test('an old name stands for a zone that keeps the same time', () => {
  for (const [old, name] of Object.entries(OLD_NAMES)) {
    expect(ZONES, old).toContain(name);
    if (runtimeKnows(old)) expect(firstInstant('2026-07-01', old), old).toBe(firstInstant('2026-07-01', name));
  }
});
