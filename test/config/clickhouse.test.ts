import { describe, expect, test } from 'vitest';
import type { ClickHouseConfig } from '../../src/config/settings.ts';
import { frame, load, refusal } from './frame.ts';

/** A config with the source `store` beside `acme`, in line 4; its keys as they are written. */
function store(keys: string): string {
  return frame().replace('destinations:', `  store: { type: clickhouse, ${keys} }\ndestinations:`);
}

function storeOf(keys: string, env: Readonly<Record<string, string>> = {}): ClickHouseConfig {
  const source = load(store(keys), env).sources.get('store');
  if (source?.type !== 'clickhouse') throw new Error('The config has no clickhouse source store.');
  return source;
}

const LEAST = 'url: "http://localhost:8123", workspace: acme';

describe('a clickhouse source', () => {
  test('needs a URL and a workspace; the rest is what docs/configuration.md says', () => {
    expect(storeOf(LEAST)).toEqual({
      type: 'clickhouse',
      name: 'store',
      key: 'store',
      url: 'http://localhost:8123',
      username: 'default',
      password: undefined,
      jwt: undefined,
      database: 'default',
      workspace: 'acme',
      settings: {},
      concurrency: 4,
      timeout: 300_000,
      history: undefined,
    });
  });

  test('takes its settings in our units and sends them in those of ClickHouse', () => {
    const { settings } = storeOf(`${LEAST}, settings: { max_memory_usage: 8GB, max_execution_time: 5m }`);
    expect(settings).toEqual({ max_memory_usage: '8000000000', max_execution_time: '300' });
  });

  test('may have an empty password, and shows none', () => {
    expect(storeOf(`${LEAST}, password: "\${P:-}"`).password?.reveal()).toBe('');
    const given = storeOf(`${LEAST}, username: me, password: "\${P}"`, { P: 'hush-hush' });
    expect(given.password?.reveal()).toBe('hush-hush');
    expect(JSON.stringify(given)).not.toContain('hush');
  });

  test.each<[string, string, RegExp]>([
    ['no workspace', 'url: "http://h:8123"', /^e\.yaml:4:3: .*workspace/],
    [
      'both a password and a token',
      `${LEAST}, password: "p", jwt: t`,
      /^e\.yaml:4:\d+: jwt: a token stands in place of a password/,
    ],
    [
      'credentials in the URL',
      'url: "http://me:hush-hush@h:8123", workspace: acme',
      /^e\.yaml:4:\d+: url: a URL without user name, password, \? and #/,
    ],
    [
      'a database in the URL',
      'url: "http://h:8123/?database=usage", workspace: acme',
      /^e\.yaml:4:\d+: url: a URL without/,
    ],
    ['a native address', 'url: "clickhouse://h:9000", workspace: acme', /^e\.yaml:4:\d+: url: a URL such as/],
    ['a user name with a colon', `${LEAST}, username: "a:b"`, /^e\.yaml:4:\d+: username: a user name without :/],
    ['a rate', `${LEAST}, rate_limit: 500/min`, /^e\.yaml:4:\d+: .*unknown key rate_limit/],
    ['a word for username', `${LEAST}, user: me`, /unknown key user.*username/],
    ['a setting of its own', `${LEAST}, settings: { max_threads: 2 }`, /^e\.yaml:4:\d+: .*unknown key max_threads/],
    ['memory without a unit', `${LEAST}, settings: { max_memory_usage: 8000 }`, /a size such as 512MB or 10GB/],
    ['a base_url', 'base_url: "http://h:8123", workspace: acme', /unknown key base_url/],
  ])('with %s is refused at its place', (_, keys, line) => {
    const { lines, text } = refusal(store(keys));
    expect(lines.join('\n')).toMatch(line);
    expect(text).not.toContain('hush');
  });
});
