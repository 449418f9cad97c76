import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Destination } from '../../src/destinations/destination.ts';
import { damaged } from '../destinations/damaged-keys.ts';
import { startSnowflake } from '../engines/snowflake.ts';
import { type Lab, openLab, SIGNAL } from './lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

async function findings(destination: Destination): Promise<Finding[]> {
  const found: Finding[] = [];
  for await (const each of destination.check(SIGNAL)) found.push(each);
  await destination[Symbol.asyncDispose]();
  return found;
}

const failed = (found: readonly Finding[]) => found.filter(({ ok }) => !ok);

test('rights are checked by doing, and nothing is left behind', async () => {
  const found = await findings(lab.open());
  expect(failed(found)).toEqual([]);
  expect(found.map(({ what }) => what)).toEqual([
    'log in',
    'look at the credentials',
    'use the warehouse',
    'find the schema',
    'make a table',
    'write to it in a transaction, and read',
    'make a view',
    'drop it',
    'make a stage',
    'read the ledger',
    'compare clocks with Snowflake',
  ]);
  expect(found[0]?.detail).toBe('as role EXPORTD, with warehouse WH');
  const { database } = lab.place;
  const names = await lab.sql(`SELECT table_name AS name FROM ${database}.INFORMATION_SCHEMA.TABLES`);
  expect(JSON.stringify(names)).not.toMatch(/doctor/i);
});

test.each([
  [
    'GENERATOR',
    '000606',
    'No active warehouse selected in the current session.',
    'GRANT USAGE, OPERATE ON WAREHOUSE "WH" TO ROLE "EXPORTD";',
  ],
  [
    'SCHEMATA',
    '002003',
    "SQL compilation error:\nDatabase 'D' does not exist or not authorized.",
    'GRANT USAGE ON DATABASE "D_',
  ],
  [
    'CREATE TABLE',
    '003001',
    "SQL access control error:\nInsufficient privileges to operate on schema 'RAW'",
    'GRANT CREATE TABLE ON SCHEMA "D_',
  ],
  [
    'CREATE VIEW',
    '003001',
    "SQL access control error:\nInsufficient privileges to operate on schema 'RAW'",
    'GRANT CREATE VIEW ON SCHEMA "D_',
  ],
  [
    'CREATE STAGE',
    '003001',
    "SQL access control error:\nInsufficient privileges to operate on schema 'RAW'",
    'GRANT CREATE STAGE ON SCHEMA "D_',
  ],
  [
    'COUNT(*) AS n FROM "D_',
    '003001',
    "SQL access control error:\nInsufficient privileges to operate on table '_EXPORTD_LOADS'",
    'GRANT SELECT, INSERT ON TABLE "D_',
  ],
])('a right that is missing for %s is named, with the statement that grants it', async (part, code, message, grant) => {
  lab.proxy.fault = ({ sql }) => (sql.includes(part) && !sql.includes('EXECUTE') ? { code, message } : undefined);
  const [first] = failed(await findings(lab.open()));
  expect(first?.error).toMatchObject({ code: 'ACCESS_DENIED' });
  expect(first?.error?.message).toContain(message.split('\n').at(-1));
  expect(first?.error?.hint).toContain(grant);
});

test('a role that the user was not granted is named, with the statement that grants it', async () => {
  const message = "Role 'LOADER' specified in the connect string is not granted to this user.";
  lab.proxy.fault = ({ kind }) => (kind === 'login' ? { code: '390189', message } : undefined);
  const [first] = failed(await findings(lab.openWith({ place: { ...lab.place, role: 'loader' } })));
  expect(first?.error?.hint).toBe('Run, as a role that may: GRANT ROLE "LOADER" TO USER "EXPORTD";');
});

test('a schema that is not there is said to be', async () => {
  const [first] = failed(await findings(lab.openWith({ place: { ...lab.place, schema: 'elsewhere' } })));
  expect(first).toMatchObject({ what: 'find the schema', error: { code: 'ACCESS_DENIED' } });
});

test('a clock that is minutes off is a failure', async () => {
  const last = (await findings(lab.openWith({ clock: () => Date.now() + 600_000 }))).at(-1);
  expect(last).toMatchObject({ ok: false, error: { message: expect.stringMatching(/600\.\d s ahead of Snowflake/) } });
});

describe('key pairs', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  });

  const logIn = async (url: string, key: string) => {
    const credentials = { by: 'key', key: new Secret(key), passphrase: undefined } as const;
    return (await findings(lab.openWith({ place: { ...lab.place, url, credentials } })))[0];
  };

  test("one that travelled through an environment variable logs in, another user's does not (case d04)", async () => {
    await using server = await startSnowflake({ EXPORTD: { publicKey } });
    for (const [shape, text] of damaged(privateKey)) {
      expect(await logIn(server.url, text), shape).toMatchObject({ what: 'log in', ok: true });
    }
    const refused = await logIn(server.url, `${stranger}`);
    expect(refused?.error?.message).toContain("does not accept the user's credentials (390144)");
    const unread = await logIn(server.url, privateKey.slice(0, 400));
    expect(unread?.error?.message).toBe('destination sf: the private key cannot be read');
    expect(JSON.stringify(unread)).not.toContain(privateKey.slice(100, 140));
  });
});
