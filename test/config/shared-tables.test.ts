import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { folder, load, refusal } from './frame.ts';

const AROUND = `sources:
  acme: { type: export_api, base_url: "http://127.0.0.1:8787", api_key: k, history: null }
  beta: { type: export_api, base_url: "http://127.0.0.1:8787", api_key: l, history: null }
  again: { type: export_api, base_url: "http://127.0.0.1:8787", api_key: m, history: null, key: acme }
destinations:
  local: { type: duckdb, path: data/x.duckdb }
  same: { type: duckdb, path: ./data/../data/x.duckdb, schema: MAIN }
  other: { type: duckdb, path: data/x.duckdb, schema: other }
`;

function two(first: Record<string, string>, second: Record<string, string>): string {
  const job = (name: string, keys: Record<string, string>) => {
    const all = {
      source: 'acme',
      data_type: 'users',
      destination: 'local',
      table: 't',
      window: '{ grain: day }',
      ...keys,
    };
    return `  ${name}:\n${Object.entries(all)
      .map(([key, value]) => `    ${key}: ${value}\n`)
      .join('')}`;
  };
  return `${AROUND}jobs:\n${job('one', first)}${job('two', second)}`;
}

describe('jobs that fill one table', () => {
  test.each<[string, Record<string, string>, string]>([
    ['data_type', { data_type: 'agents' }, 'agents here, users there'],
    ['group_by', { group_by: 'model' }, 'model here, none there'],
    ['window.grain', { window: '{ grain: week }' }, 'week here, day there'],
    ['window.span', { window: 'rolling 30 days' }, '30 here, 1 there'],
    ['columns.drop', { columns: '{ drop: [email] }' }, '[email] here, [] there'],
    ['columns.rename', { columns: '{ rename: { name: n } }' }, '{ name: n } here, {  } there'],
    ['columns.types', { columns: '{ types: { x: date } }' }, '{ x: date } here, {  } there'],
    ['schema', { schema: 'freeze' }, 'freeze here, evolve there'],
    ['cluster_by', { cluster_by: '[user_id]' }, '[user_id] here, [] there'],
    ['hash_key', { hash_key: 'another-key' }, 'another key there'],
    ['timezone', { timezone: 'Europe/Berlin' }, 'source acme is in Europe/Berlin here, in UTC there'],
  ])('must agree on %s; both places are shown', (key, second, detail) => {
    const { lines, text } = refusal(two({}, second));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`: ${key}: jobs two and one fill one table, t, but differ: ${detail}; `);
    expect(text).toMatch(/\n {2}one at e\.yaml:1\d:\d+\n/);
  });

  test('may have different sources, schedules, lookbacks and timezones of their own', () => {
    const { jobs } = load(
      two(
        { window: 'yesterday' },
        { source: 'beta', window: 'last 7 days', timezone: 'Europe/Berlin', schedule: '"@daily"' },
      ),
    );
    expect(jobs).toHaveLength(2);
  });

  test('may write drop in another order and case', () => {
    expect(
      load(two({ columns: '{ drop: [email, name] }' }, { columns: '{ drop: [Name, EMAIL, name] }' })).jobs,
    ).toHaveLength(2);
  });

  test('need different keys for different sources', () => {
    expect(refusal(two({}, { source: 'again' })).lines[0]).toContain(
      'again and acme have one key, acme, and feed one table, t',
    );
    expect(refusal(two({}, { table: 'u', source: '[acme, again]' })).lines[0]).toContain('have one key, acme');
    expect(load(two({}, { table: 'u', source: 'again' })).jobs).toHaveLength(2);
  });

  test('are found where two destinations are one file and schema, and only there', () => {
    expect(refusal(two({}, { data_type: 'agents', destination: 'same' })).lines[0]).toContain('fill one table');
    expect(load(two({}, { data_type: 'agents', destination: 'other' })).jobs).toHaveLength(2);
  });

  test('are found through links', () => {
    const text = two({}, { data_type: 'agents', destination: 'same' }).replace('./data/../data', 'linked');
    using there = folder({ 'e.yaml': text, 'data/kept': '' });
    symlinkSync('data', join(there.path, 'linked'));
    expect(() => loadConfig(there.path, { env: {} })).toThrow(/fill one table/);
  });

  test('are found by the default name of a table', () => {
    const named = (text: string) =>
      text.replaceAll('    table: t\n', '').replace('  one:', '  a-b:').replace('  two:', '  a_b:');
    expect(refusal(named(two({}, { data_type: 'agents' }))).lines[0]).toContain('jobs a_b and a-b fill one table, a_b');
  });

  test('are not accused by a variable that is not set', () => {
    const first = { columns: '{ hash: [email] }', hash_key: '${A}' };
    expect(load(two(first, { ...first, hash_key: 'another-key' })).jobs).toHaveLength(2);
    expect(load(two({ table: '${T}' }, { table: '${U}', data_type: 'agents' })).jobs).toHaveLength(2);
  });
});
