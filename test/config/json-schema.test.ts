import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { configJsonSchemaText } from '../../src/cli/schema.ts';
import { STARTER_CONFIG } from '../../src/cli/starter-config.ts';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { WORDS_FROM_ELSEWHERE } from '../../src/config/words-from-elsewhere.ts';
import { frame, jobOf, load } from './frame.ts';

const inRepo = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Every key of the schema, with its dotted name. */
function keysOf(schema: unknown, name = ''): { name: string; described: boolean }[] {
  if (typeof schema !== 'object' || schema === null) return [];
  if (Array.isArray(schema)) return schema.flatMap((each) => keysOf(each, name));
  const node = schema as Record<string, unknown>;
  return Object.entries(node).flatMap(([word, value]) => {
    if (word !== 'properties') return keysOf(value, name);
    return Object.entries(value as Record<string, Record<string, unknown>>).flatMap(([key, each]) => [
      { name: `${name}.${key}`, described: typeof each.description === 'string' || key === 'type' },
      ...keysOf(each, `${name}.${key}`),
    ]);
  });
}

describe('the JSON Schema', () => {
  test('in config/ is the one that the code makes (node src/main.ts schema > config/exportd.schema.json)', () => {
    expect(readFileSync(inRepo('config/exportd.schema.json'), 'utf8')).toBe(configJsonSchemaText());
  });

  test('describes every key', () => {
    const keys = keysOf(configJsonSchema());
    expect(keys.length).toBeGreaterThan(60);
    expect(keys.filter(({ described }) => !described)).toEqual([]);
  });

  test('offers words to an editor, and lets a variable stand wherever a word may', () => {
    const text = configJsonSchemaText();
    for (const word of ['"month to date"', '"rolling 30 days"', '"Europe/Berlin"', '"quarter"', '"evolve"']) {
      expect(text).toContain(word);
    }
    const patterns = [...text.matchAll(/"pattern": "(.*)"/g)].map(([, pattern]) => pattern ?? '');
    const strict = patterns.filter((pattern) => !pattern.includes('\\\\$\\\\{'));
    expect([...new Set(strict)]).toEqual([
      '^[a-z][a-z0-9_-]*$',
      '^(last|rolling) [1-9][0-9]* (hour|day|week|month|quarter|year)s?$',
    ]);
  });
});

test('docs/configuration.md has every key of the schema and every word from elsewhere', () => {
  const docs = readFileSync(inRepo('docs/configuration.md'), 'utf8');
  const missing = keysOf(configJsonSchema())
    .map(({ name }) => name.split('.').at(-1) ?? '')
    .filter((key) => key !== 'dataType' && !docs.includes(`\`${key}\``));
  expect([...new Set(missing)]).toEqual([]);
  expect([...WORDS_FROM_ELSEWHERE.keys()].filter((word) => !docs.includes(`\`${word}\``))).toEqual([]);
});

test('the example config of the repo is valid without warnings', () => {
  const config = loadConfig(inRepo('config'), { env: { ODEUS_API_KEY: 'k' }, needAll: true });
  expect(config.warnings).toEqual([]);
  expect(config.jobs.map((job) => job.name)).toContain('users_daily');
});

test('the starter config is valid without warnings', () => {
  const { jobs, warnings } = load(STARTER_CONFIG, { ODEUS_API_KEY: 'k' }, true);
  expect(warnings).toEqual([]);
  expect(jobs.map((job) => job.name)).toEqual(['users_daily']);
});

test('1,000 jobs cost no more than two seconds of CPU, also here (bench/ has the figure of the command)', () => {
  const job = (i: number) =>
    `  users_${i}:\n    description: Usage per user and model\n    source: acme\n    data_type: users\n    group_by: model\n` +
    '    schedule: "15 6 * * *"\n    timezone: Europe/Berlin\n    destination: local\n' +
    `    window: { grain: day, lookback: 3, delay: 2h, begin: 2026-01-01 }\n    table: users_${i}\n`;
  const text = `${frame()}${Array.from({ length: 1_000 }, (_, i) => job(i)).join('')}`;
  jobOf(frame());
  const before = process.cpuUsage();
  expect(load(text).jobs).toHaveLength(1_001);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(2);
});
