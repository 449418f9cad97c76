/**
 * `npm run test:bigquery:real`: what every destination promises, held against BigQuery itself, in datasets of its own in
 * $BIGQUERY_PROJECT (and $BIGQUERY_LOCATION), by application default credentials.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

if (!process.env.BIGQUERY_PROJECT) {
  console.error(
    'Set BIGQUERY_PROJECT to a project where datasets may be made (and BIGQUERY_LOCATION to where), and give credentials:\n' +
      'gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS=key.json',
  );
  process.exit(1);
}
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const words = [
  'run',
  '--config',
  'vitest.bigquery.config.ts',
  '--testTimeout=900000',
  'test/bigquery/contract.test.ts',
];
const [code] = await once(
  spawn(process.execPath, [vitest, ...words, ...process.argv.slice(2)], { stdio: 'inherit' }),
  'exit',
);
process.exit(code ?? 1);
