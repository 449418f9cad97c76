import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ExportdError } from '../../src/core/errors.ts';
import { readPrivateKey } from '../../src/destinations/snowflake/private-key.ts';
import { damaged } from './damaged-keys.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const encrypted = privateKey
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
  .toString();

describe('a private key is read', () => {
  test.each(damaged(pem))('as %s (case d04)', (_, text) => {
    expect(readPrivateKey('sf', text, undefined)).toBe(pem);
  });

  test.each(damaged(encrypted))('encrypted, as %s, by its passphrase (case d04)', (_, text) => {
    expect(readPrivateKey('sf', text, 'open sesame')).toBe(pem);
  });

  test('in the older form', () => {
    const pkcs1 = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    expect(createPrivateKey(readPrivateKey('sf', pkcs1, undefined)).equals(privateKey)).toBe(true);
  });
});

test.each([
  ['half a key', pem.slice(0, 500), undefined],
  ['no key at all', 'swordfish', undefined],
  ['an encrypted key without its passphrase', encrypted, undefined],
  ['an encrypted key with another passphrase', encrypted, 'open barley'],
  ['a public key', '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----', undefined],
])('%s is refused with the forms that are taken, and no part of it is told (case d04)', (_, text, passphrase) => {
  let said: unknown;
  try {
    readPrivateKey('sf', text, passphrase);
  } catch (error) {
    said = error;
  }
  if (!(said instanceof ExportdError)) throw new Error('it was read');
  expect(said.message).toBe('destination sf: the private key cannot be read');
  expect(said.hint).toContain('private_key_passphrase');
  expect(`${said.message} ${said.hint} ${said.stack}`).not.toContain(text.slice(40, 60) || text);
});
