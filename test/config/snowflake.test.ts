import { relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problems.ts';
import type { SnowflakeConfig } from '../../src/config/settings.ts';
import { folder, frame, load, refusal } from './frame.ts';

/** A config whose job goes to the destination `sf`, in line 6; its keys as they are written. */
function sf(keys: string, job: Readonly<Record<string, string>> = {}): string {
  return frame({ destination: 'sf', ...job }).replace('jobs:', `  sf: { type: snowflake, ${keys} }\njobs:`);
}

function sfOf(keys: string): SnowflakeConfig {
  const destination = load(sf(keys)).destinations.get('sf');
  if (destination?.type !== 'snowflake') throw new Error('The config has no destination sf.');
  return destination;
}

const PLACE = 'account: acme-eu_west, user: EXPORTD, database: USAGE, schema: RAW';

describe('a snowflake destination', () => {
  test('needs an account, a user, a place and a key; the rest is what docs/configuration.md says', () => {
    expect(sfOf(`${PLACE}, private_key: "-----BEGIN"`)).toMatchObject({
      type: 'snowflake',
      name: 'sf',
      account: 'acme-eu_west',
      url: undefined,
      user: 'EXPORTD',
      role: undefined,
      warehouse: undefined,
      database: 'USAGE',
      schema: 'RAW',
      credentials: { by: 'key', passphrase: undefined },
      queryTag: undefined,
      transient: false,
    });
  });

  test.each([
    ['private_key: k, private_key_passphrase: p', 'key'],
    ['token: t', 'oauth'],
    ['token: t, token_type: pat', 'access token'],
    ['workload_identity: aws', 'workload identity'],
    ['workload_identity: oidc, token: t', 'workload identity'],
    ['password: p', 'password'],
  ])('%s proves who the user is', (keys, by) => {
    expect(sfOf(`${PLACE}, ${keys}`).credentials.by).toBe(by);
  });

  test('looks for the key file beside the YAML file', () => {
    using there = folder({
      'sub/d.yaml': `destinations: { sf: { type: snowflake, ${PLACE}, private_key_file: k.p8 } }\n`,
    });
    const destination = loadConfig(there.path, { env: {} }).destinations.get('sf');
    const credentials = destination?.type === 'snowflake' ? destination.credentials : undefined;
    expect(credentials?.by === 'key file' && relative(there.path, credentials.path)).toBe('sub/k.p8');
  });

  test('a password is taken, with a warning that it is going away', () => {
    const said = load(sf(`${PLACE}, password: p`)).warnings.map(formatProblem);
    expect(said.join('\n')).toContain('Snowflake is ending log-ins of services by password: use private_key');
    expect(load(sf(`${PLACE}, token: t`)).warnings).toEqual([]);
  });

  test.each([
    [PLACE, 'no credentials: give private_key or private_key_file'],
    [`${PLACE}, private_key: k, password: p`, 'password: it stands in place of private_key: give one of the two'],
    [`${PLACE}, workload_identity: oidc`, 'with oidc, token must be its ID token'],
    ['account: a, database: D, schema: S, token: t', 'user is missing'],
    [`${PLACE.replace('acme-eu_west', '"https://x.example"')}, token: t`, 'an account identifier such as acme-eu_west'],
    [`${PLACE.replace('RAW', 'my-schema')}, token: t`, 'schema: a name of letters, digits, _ and $, no digit first'],
    [`${PLACE}, token: t, credentials: x`, 'unknown key credentials'],
  ])('%s is refused', (keys, why) => {
    expect(refusal(sf(keys)).lines.join('\n')).toContain(why);
  });

  test('keys and tokens are never shown', () => {
    const text = sf(`${PLACE}, private_key: "hunter-key", token: hunter-token, private_key_passphrase: hunter-pass`);
    expect(refusal(text).text).not.toContain('hunter');
  });

  test('two that are one schema, in whatever case, fill one table, and must agree', () => {
    const text = sf(`${PLACE}, token: t`).replace(
      'jobs:',
      `  twin: { type: snowflake, ${PLACE.replace('RAW', 'raw')}, password: p }\njobs:`,
    );
    const other =
      'jobs:\n  k: { source: acme, data_type: agents, destination: twin, table: t, window: { grain: day } }';
    expect(refusal(text.replace('jobs:', other)).lines.join('\n')).toContain('fill one table, t, but differ');
  });
});
