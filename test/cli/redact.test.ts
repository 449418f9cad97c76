import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { createRedact } from '../../src/redact.ts';

describe('a known secret', () => {
  const key = 'sk+a/b"c&d=e?f';
  const pem = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----\n';
  const redact = createRedact([
    new Secret(key),
    new Secret(pem),
    new Secret('short'),
    new Secret('sk+a/b"c&d=e?f-longer'),
  ]);

  test.each([
    ['as itself', `bad key ${key}!`],
    ['in JSON', JSON.stringify({ authorization: `Bearer ${key}` })],
    ['in a URL', `https://host/hook?token=${encodeURIComponent(key)}`],
    ['inside a longer secret', 'sk+a/b"c&d=e?f-longer'],
  ])('is never shown %s', (_where, text) => {
    const shown = redact(text);
    expect(shown).toContain('[secret]');
    expect(shown).not.toMatch(/sk\+|sk%2B|longer/);
  });

  test('with several lines is not shown line by line either', () => {
    expect(redact('openssl could not read 9w0BAQEFAASCBKcwggSj')).toBe('openssl could not read [secret]');
    expect(redact(JSON.stringify(pem))).toBe('"[secret]"');
  });

  test('of fewer than 8 characters is left alone: it would mangle other words and so give itself away', () => {
    expect(redact('a short word')).toBe('a short word');
  });
});

test('without secrets every text passes as it is', () => {
  expect(createRedact([])('any')).toBe('any');
});
