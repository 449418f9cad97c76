import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/problems.ts';
import { load, refusal } from './frame.ts';

const KEY = '    - { name: reporting, workspace: acme, hash: "sha256:HASH", scopes: [USAGE_EXPORT_API] }\n'.replace(
  'HASH',
  '0'.repeat(64),
);
const section = (more = '') => `usage_api:\n  signing_key: \${SIGNING}\n${more}`;
const ENV = { SIGNING: 'a-key-to-sign-with' };

describe('usage_api', () => {
  test('has the defaults that the page says', () => {
    const { usageApi, warnings } = load(section(), ENV);
    expect(warnings).toEqual([]);
    expect(usageApi).toMatchObject({
      listen: { host: '127.0.0.1', port: 8787 },
      publicUrl: undefined,
      pathPrefix: '',
      clickHouse: {
        url: 'http://localhost:8123',
        database: 'usage',
        username: 'default',
        timeout: 300_000,
        settings: {},
      },
      urlTtl: 900_000,
      rate: { requests: 500, window: 60_000 },
      concurrency: 4,
      maxScannedRows: 1_000_000,
      history: { amount: 12, unit: 'month' },
      keys: [],
    });
    expect(usageApi?.filesDir).toMatch(/\/data\/exports$/);
    expect(String(usageApi?.signingKey)).toBe('[secret]');
  });

  test('takes null for no limit and no end of history, and URLs without their last slash', () => {
    const { usageApi } = load(
      section('  rate_limit: null\n  history: null\n  public_url: https://usage.example.com/\n'),
      ENV,
    );
    expect(usageApi).toMatchObject({ rate: undefined, history: undefined, publicUrl: 'https://usage.example.com' });
  });

  test('may stand in several files, its keys in one of secrets', () => {
    const { usageApi } = load({ 'a.yaml': section(), 'b.yaml': `usage_api:\n  keys:\n${KEY}` }, ENV);
    expect(usageApi?.keys).toMatchObject([{ name: 'reporting', workspace: 'acme' }]);
  });

  test('is asked for its variables by `serve` alone', () => {
    const config = load(section());
    expect(() => config.need([])).not.toThrow();
    expect(() => config.need([], 'notifications')).not.toThrow();
    expect(() => config.need([], 'usage_api')).toThrow(ConfigError);
  });

  test.each([
    ['  listen: 0.0.0.0:8787\n', 'listen: no client reaches 0.0.0.0: say in public_url what download URLs start with'],
    ['  path_prefix: api\n', 'path_prefix: a path such as /api/public expected'],
    [
      `  keys:\n${KEY.replace('sha256:', 'md5:')}`,
      'hash: a hash as `exportd keys create` prints it, sha256:… expected',
    ],
    [`  keys:\n${KEY}${KEY.replace('reporting', 'other')}`, 'hash: two keys have the same'],
    [`  keys:\n${KEY}${KEY.replace('"sha256:0', '"sha256:1')}`, 'name: two keys have the same'],
    ['  clickhouse: { password: p, jwt: j }\n', 'jwt: a token stands in place of a password: give one of the two'],
  ])('%j is refused with what to do', (more, message) => {
    expect(refusal(section(more), ENV).lines.join('\n')).toContain(message);
  });
});
