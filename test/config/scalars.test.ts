import { describe, expect, test } from 'vitest';
import { AROUND, frame, jobOf, load, refusal } from './frame.ts';

describe('a scalar that YAML would change is refused, never changed (case e01)', () => {
  test.each([
    ['table', '2026'],
    ['table', '00123'],
    ['description', '1e3'],
    ['description', '0x1F'],
    ['description', 'true'],
  ])('%s: %s is asked for in quotes, as it was written', (key, written) => {
    const read = written === 'true' ? 'true' : `the number ${written}`;
    const { lines } = refusal(frame({ [key]: written }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^e\.yaml:\d+:\d+: /);
    expect(lines[0]).toContain(`${key}: text expected, ${read} was read: put it in quotes, "${written}"`);
  });

  test('an API key of digits is refused without being shown', () => {
    const { lines, text } = refusal(frame().replace('api_key: k', 'api_key: 12345678901234567890'));
    expect(lines[0]).toMatch(/^e\.yaml:3:\d+: api_key: text expected, a number was read: put it in quotes$/);
    expect(text).not.toContain('1234567890');
  });

  test('text after & is nothing, and said to be', () => {
    const { lines } = refusal(frame({ description: '&abc' }));
    expect(lines[0]).toContain('description: empty value, text expected: text that begins with & must be quoted');
  });

  test('no is text, also as the name of a job', () => {
    expect(jobOf(frame({ description: 'no' })).description).toBe('no');
    expect(load(frame().replace('  j:', '  no:')).jobs.map((job) => job.name)).toEqual(['no']);
  });

  test.each(['yes', 'on', 'no', 'off', '"true"', '1'])('enabled: %s is neither true nor false', (written) => {
    expect(refusal(frame({ enabled: written })).lines[0]).toContain('enabled: true or false expected, ');
  });

  test('a job named 08 is refused as 08, never as 8', () => {
    const { lines } = refusal(`${AROUND}jobs:\n  08: {}\n`);
    expect(lines).toEqual([
      'e.yaml:7:3: "08" cannot name a job: names are small letters, digits, - and _, a letter first',
    ]);
  });

  test('a date and a time of day need no quotes', () => {
    const job = jobOf(frame({ window: '{ grain: day, begin: 2026-01-01 }', freshness: '{ expect_by: 09:00 }' }));
    expect([job.window.begin, job.expectBy]).toEqual(['2026-01-01', '09:00']);
  });

  test('a tag has no meaning', () => {
    expect(refusal(frame({ description: '!secret x' })).lines[0]).toContain(
      'tags such as !secret have no meaning here',
    );
  });
});

describe('a key is data (case b22)', () => {
  test.each(['__proto__', '0day', 'Daily', 'a b', '"a/b"'])('a job named %s is refused at its place', (name) => {
    expect(refusal(`${AROUND}jobs:\n  ${name}: {}\n`).lines[0]).toMatch(/^e\.yaml:7:3: ".*" cannot name a job/);
  });

  test('a job named constructor is a job', () => {
    expect(load(frame().replace('  j:', '  constructor:')).jobs.map((job) => job.name)).toEqual(['constructor']);
  });

  test.each(['__proto__', 'constructor', 'toString'])('an unknown key %s is seen, and pollutes nothing', (key) => {
    expect(refusal(frame({ [key]: '{ polluted: 1 }' })).lines[0]).toContain(key);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test('a rule for a column named constructor is kept', () => {
    const { rules } = jobOf(frame({ columns: '{ rename: { constructor: builder } }' })).table;
    expect(rules.rename.get('constructor')).toBe('builder');
  });
});

describe('quantities', () => {
  test('are read in their units', () => {
    const { daemon, sources } = load(
      `${AROUND}  # \ndaemon: { memory_limit: 1.5GB, spool_limit: 250MB, lock_timeout: 90s, shutdown_grace: 1d }\n`,
    );
    expect(daemon).toMatchObject({
      memoryLimit: 1_500_000_000,
      spoolLimit: 250_000_000,
      lockTimeout: 90_000,
      shutdownGrace: 86_400_000,
    });
    expect(sources.get('acme')).toMatchObject({ rate: { requests: 500, window: 60_000 }, timeout: 300_000 });
  });

  test.each([
    ['2 hours', '"2 hours"'],
    ['2', 'the number 2'],
    ['1h30m', '"1h30m"'],
    ['-1h', '"-1h"'],
  ])('a delay of %s is refused with examples', (written, read) => {
    const { lines } = refusal(frame({ window: `{ grain: day, delay: ${written} }` }));
    expect(lines[0]).toContain(`delay: a duration such as 90s, 5m, 2h or 1d expected, ${read} was read`);
  });

  test('a date that the calendar has not is refused', () => {
    expect(refusal(frame({ window: '{ grain: day, begin: 2026-02-30 }' })).lines[0]).toContain(
      'begin: a date of the calendar, written 2026-01-31, expected, "2026-02-30" was read',
    );
  });
});
