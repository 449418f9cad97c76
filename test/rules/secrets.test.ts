import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const src = resolve(import.meta.dirname, '../../src');

/** Where a secret leaves its type: a client, the vault of hash keys, a redactor, a digest or a comparison. */
const MAY_REVEAL = [
  'config/resolve.ts',
  'daemon/channels.ts',
  'daemon/endpoint.ts',
  'daemon/says.ts',
  'destinations/snowflake/connect.ts',
  'open-sources.ts',
  'page/guard.ts',
  'redact.ts',
  'clickhouse/connect.ts',
  'sources/export-api/index.ts',
  'staging/hash-pads.ts',
  'usage-api/signature.ts',
];

test('secrets are revealed in these files alone', () => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const revealing = files.filter((file) => /\.reveal\(\)/.test(readFileSync(join(src, file), 'utf8')));
  expect(revealing.sort()).toEqual(MAY_REVEAL.toSorted());
});
