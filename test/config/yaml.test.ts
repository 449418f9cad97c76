import { describe, expect, test } from 'vitest';
import { AROUND, frame, jobOf, load, refusal } from './frame.ts';

describe('a schedule without quotes gets one message with the quoted form (case e02)', () => {
  test.each(['@daily', '*/15 * * * *', '* * * * *'])('%s', (schedule) => {
    const { lines } = refusal(frame({ schedule }));
    expect(lines).toEqual([`e.yaml:13:15: text that begins with ${schedule[0]} must be quoted: "${schedule}"`]);
  });

  test('an unquoted one that YAML reads as text is valid', () => {
    expect(jobOf(frame({ schedule: '15 6 * * *' })).schedule?.cron).toBe('15 6 * * *');
  });

  test('a list is no schedule', () => {
    expect(refusal(frame({ schedule: '[15 6 * * *]' })).lines).toEqual([
      'e.yaml:13:15: schedule: text or a map expected, a list was read',
    ]);
  });

  test('six fields are refused', () => {
    expect(refusal(frame({ schedule: '"0 15 6 * * *"' })).lines[0]).toMatch(/^e\.yaml:13:15: schedule: .*six fields/);
  });
});

describe('what is defined twice is shown at both places, and nothing wins (case e04)', () => {
  test('a job twice in one file', () => {
    const { lines, text } = refusal(`${AROUND}jobs:\n  x: {}\n  x: {}\n`);
    expect(lines).toContain('e.yaml:8:3: x is defined twice');
    expect(text).toContain('first at e.yaml:7:3');
  });

  test('a job in two files, and a default in two files even where they agree', () => {
    const file = 'defaults: { timezone: UTC }\njobs:\n  x: {}\n';
    const { text } = refusal({ 'a.yaml': file, 'b.yml': file });
    expect(text).toContain('b.yml:3:3: job x is defined twice');
    expect(text).toContain('first at a.yaml:3:3');
    expect(text).toContain('b.yml:1:13: defaults.timezone is defined twice');
    expect(text).toContain('first at a.yaml:1:13');
  });

  test('different defaults in two files are laid together', () => {
    const { jobs } = load({
      'a.yaml': `${AROUND}defaults: { source: acme, timezone: Europe/Berlin }\n`,
      'b.yaml': 'defaults: { destination: local, window: yesterday }\njobs:\n  x: { data_type: users }\n',
    });
    expect(jobs[0]).toMatchObject({ name: 'x', timezone: 'Europe/Berlin', destination: 'local' });
  });

  test('a second document is refused, not left out', () => {
    expect(refusal(`${frame()}---\njobs: {}\n`).lines).toEqual([
      'e.yaml:13:1: a second document begins here: one document a file; split it',
    ]);
  });
});

describe('anchors (case e05)', () => {
  test('one anchor serves 150 jobs', () => {
    const jobs = Array.from(
      { length: 150 },
      (_, i) => `  j${i}: { source: acme, data_type: users, destination: local, window: *w }\n`,
    );
    const { jobs: loaded } = load(`x-window: &w { grain: day, lookback: 3 }\n${AROUND}jobs:\n${jobs.join('')}`);
    expect(loaded).toHaveLength(150);
    expect(loaded.every((job) => job.window.lookback === 3)).toBe(true);
  });

  test('a bomb is refused at once', () => {
    const levels = Array.from({ length: 9 }, (_, i) => {
      const inner = i === 0 ? 'x' : `*a${i - 1}`;
      return `x-${i}: &a${i} [${Array(9).fill(inner).join(', ')}]\n`;
    });
    const before = process.memoryUsage().rss;
    const { lines } = refusal(levels.join(''));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^e\.yaml:\d:\d+: too many aliases/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  });

  test('an anchor inside itself is refused', () => {
    expect(refusal('x-a: &a [*a]\n').lines).toEqual(['e.yaml:1:10: *a stands inside &a itself']);
  });

  test('100,000 brackets are refused', () => {
    expect(refusal(`x-a: ${'['.repeat(100_000)}`).lines.length).toBe(1);
  });

  test('merge keys work, and what a map says itself wins', () => {
    const job = jobOf(
      `x-base: &base { source: acme, destination: local, table: base, window: yesterday }\n${AROUND}` +
        'jobs:\n  j: { <<: *base, table: own, data_type: users }\n',
    );
    expect([job.table.name, job.destination]).toEqual(['own', 'local']);
  });
});

describe('what is no YAML is told in words', () => {
  test.each([
    ['a: b: c', '1:4: text with ": " in it must be quoted: "b: c"'],
    ['\ta: 1', '1:1: indent with blanks; YAML takes no tabs'],
    ['a:\n  b: 1\n c: 2', '3:1: this line is indented unlike the keys beside it'],
    ['a: {b: ${C}}', '1:8: inside { } and [ ] a ${…} must be quoted: "${C}"'],
    ['a: {\n  b: ${C},\n  d: 1\n}', '2:6: inside { } and [ ] a ${…} must be quoted: "${C}"'],
    ['%YAML 1.1\n---\nx-a: yes', '1:1: exportd reads YAML 1.2, in which yes and no are text: take the %YAML line away'],
    ["a: 'it's'", '1:8: this belongs to no value: a quote, comma or bracket before it is wrong'],
    ['a:\n  b: 1\n   c: 2', '2:6: this key has a value, and then more keys below it: look at the indentation'],
    ['a: %x', '1:4: text that begins with % must be quoted: "%x"'],
  ])('%j', (text, expected) => {
    expect(refusal(text).lines).toEqual([`e.yaml:${expected}`]);
  });

  test('a secret on a line that is no YAML is not shown', () => {
    const { text } = refusal('sources:\n  acme:\n    api_key: @sk-very-secret\n    token: a: b-secret\n');
    expect(text).not.toContain('secret');
  });

  test('one broken file does not hide the errors of another, nor make its names unknown', () => {
    const { lines } = refusal({
      'a.yaml': `${AROUND}  broken: @\n`,
      'b.yaml': 'jobs:\n  j: { source: acme, tabel: x }\n',
    });
    expect(lines.map((line) => line.split(':')[0])).toContain('a.yaml');
    expect(lines.some((line) => line.includes('unknown key tabel: did you mean table?'))).toBe(true);
    expect(lines.some((line) => line.includes('no source is named'))).toBe(false);
  });
});
