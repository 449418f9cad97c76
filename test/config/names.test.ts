import { describe, expect, test } from 'vitest';
import { WORDS_FROM_ELSEWHERE } from '../../src/config/words-from-elsewhere.ts';
import { AROUND, frame, jobOf, load, refusal } from './frame.ts';

describe('one zone, one spelling (case a17)', () => {
  test.each([
    ['europe/berlin', 'Europe/Berlin'],
    ['Europe/Kiev', 'Europe/Kyiv'],
    ['Europe/Berln', 'Europe/Berlin'],
  ])('%s is refused at its place, and %s named', (timezone, meant) => {
    const [line] = refusal(frame({ timezone })).lines;
    expect(line).toMatch(/^e\.yaml:13:15: timezone: /);
    expect(line).toContain(meant);
  });

  test.each(['local', 'system', '""', 'UTC+2', 'GMT+2', 'PST'])('%s is refused', (timezone) => {
    expect(refusal(frame({ timezone })).lines[0]).toMatch(/^e\.yaml:13:15: timezone: /);
  });

  test("a schedule's own timezone is looked at as well", () => {
    const schedule = '{ cron: "@daily", timezone: Europe/Kiev }';
    expect(refusal(frame({ schedule })).lines[0]).toMatch(/^e\.yaml:13:43: timezone: .*Europe\/Kyiv/);
  });
});

describe('a word that is none of ours is answered with the one that is meant', () => {
  test.each([...WORDS_FROM_ELSEWHERE])('%s', (word, ours) => {
    expect(refusal(frame({ [word]: 'x' })).lines).toEqual([`e.yaml:13:5: unknown key ${word}: ${ours}`]);
  });

  test.each([
    ['groupBy', 'group_by'],
    ['data-type', 'data_type'],
    ['tabel', 'table'],
    ['tz', 'timezone'],
    ['descripton', 'description'],
  ])('%s: did you mean %s?', (word, meant) => {
    expect(refusal(frame({ [word]: 'x' })).lines).toEqual([`e.yaml:13:5: unknown key ${word}: did you mean ${meant}?`]);
  });

  test('a key of the window that stands beside it is shown its place', () => {
    expect(refusal(frame({ lookback: '3' })).lines[0]).toContain('it belongs into window: { lookback: … }');
  });

  test('a key that is near nothing gets the list', () => {
    expect(refusal(`${AROUND}zzz: 1\n`).lines[0]).toContain('what can stand here is version, sources, destinations');
  });

  test.each([
    ['{ grain: daily }', 'did you mean day?'],
    ['{ grain: day, lookbak: 2 }', 'did you mean lookback?'],
    ['last 7 dayz', 'a window word (yesterday; last N <grain>s;'],
  ])('window: %s', (window, hint) => {
    expect(refusal(frame({ window })).lines[0]).toContain(hint);
  });

  test('a source and a destination that are none', () => {
    const { lines } = refusal(frame({ source: '[acme, acne]', destination: 'locl' }));
    expect(lines).toEqual([
      'e.yaml:8:20: source: "acne" is no source: did you mean acme?',
      'e.yaml:10:18: destination: "locl" is no destination: did you mean local?',
    ]);
  });

  test('a source named twice', () => {
    expect(refusal(frame({ source: '[acme, acme]' })).lines).toEqual(['e.yaml:8:20: source: "acme" is named twice']);
  });

  test('a type of column in the words of a database', () => {
    expect(refusal(frame({ columns: '{ types: { messages_total: bigint } }' })).lines[0]).toContain(
      'did you mean integer?',
    );
  });

  test('dataType and assistants are taken', () => {
    const text = frame().replace('data_type: users', 'dataType: assistants');
    expect(jobOf(text).report.dataType).toBe('agents');
    expect(refusal(frame({ dataType: 'agents' })).lines[0]).toContain('did you mean data_type?');
  });
});

describe('what this version does not have is said to be in none', () => {
  test('types of destinations', () => {
    expect(refusal('destinations:\n  c: { type: redshift }\n').lines).toEqual([
      'e.yaml:2:14: type: duckdb, bigquery or snowflake expected, "redshift" was read',
    ]);
  });

  test('a type that is missing', () => {
    expect(refusal('destinations:\n  d: { path: x }\n').lines).toEqual([
      'e.yaml:2:3: d: type is missing: duckdb, bigquery or snowflake',
    ]);
  });
});

test('all errors of all files come at once, in their order, each with its line and a caret', () => {
  const { lines, text } = refusal({
    'a.yaml': `${AROUND}daemon:\n  memory_limit: 1 gig\n`,
    'jobs/b.yaml': 'jobs:\n  b:\n    tabel: x\n    enabled: yes\n',
    'jobs/c.yml': 'jobs:\n  c: { data_type: user }\n',
  });
  expect(lines.map((line) => line.split(': ', 2).join(': '))).toEqual([
    'a.yaml:7:17: memory_limit',
    'jobs/b.yaml:3:5: unknown key tabel',
    'jobs/b.yaml:4:14: enabled',
    'jobs/c.yml:2:19: data_type',
  ]);
  expect(text).toContain('  4 |     enabled: yes\n    |              ^^^');
});

test('locate leads to a value, or to what is around it', () => {
  const config = load(frame());
  expect(config.locate(['jobs', 'j', 'window', 'grain'])).toMatch(/e\.yaml:12:22$/);
  expect(config.locate(['jobs', 'j', 'group_by'])).toMatch(/e\.yaml:7:3$/);
  expect(config.locate(['sources', 'acme', 'api_key'])).toMatch(/e\.yaml:3:73$/);
  expect(config.locate(['jobs', 'gone'])).toBeUndefined();
});
