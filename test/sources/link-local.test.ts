import dns from 'node:dns';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { lookupBeyondLink } from '../../src/sources/export-api/link-local.ts';

type Answer = (error: Error | null, addresses: object[]) => void;

/** What names stand for, in place of the system's DNS: a name that means a link-local address cannot be had for a test. */
const NAMES: Record<string, { address: string; family: number }[]> = {
  'storage.example': [{ address: '192.168.1.20', family: 4 }],
  'metadata.example': [{ address: '169.254.169.254', family: 4 }],
  'six.example': [{ address: 'fe80::1', family: 6 }],
  'mapped.example': [{ address: '::ffff:169.254.169.254', family: 6 }],
  'both.example': [
    { address: '192.168.1.20', family: 4 },
    { address: '169.254.0.1', family: 4 },
  ],
};

beforeEach(() => {
  vi.spyOn(dns, 'lookup').mockImplementation(((name: string, _options: object, callback: Answer) => {
    const addresses = NAMES[name];
    if (addresses === undefined) callback(new Error(`getaddrinfo ENOTFOUND ${name}`), []);
    else callback(null, addresses);
  }) as typeof dns.lookup);
});

function lookUp(name: string, all: boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    lookupBeyondLink(name, { all }, (error, address) => (error === null ? resolve(address) : reject(error)));
  });
}

describe('the look-up of a download host', () => {
  test.each(['metadata.example', 'six.example', 'mapped.example', 'both.example'])(
    'refuses %s, which stands for a link-local address',
    async (name) => {
      for (const all of [true, false]) {
        await expect(lookUp(name, all)).rejects.toMatchObject({
          code: 'DOWNLOAD_REFUSED',
          message: expect.stringContaining(name),
        });
      }
    },
  );

  test('gives other addresses as they are', async () => {
    expect(await lookUp('storage.example', true)).toEqual([{ address: '192.168.1.20', family: 4 }]);
    expect(await lookUp('storage.example', false)).toBe('192.168.1.20');
  });

  test('passes on that a name is unknown', async () => {
    await expect(lookUp('nowhere.example', true)).rejects.toThrow('ENOTFOUND nowhere.example');
  });
});
