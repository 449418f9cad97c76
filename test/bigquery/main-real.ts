/**
 * `npm run test:bigquery:real`: what every destination promises, held against BigQuery itself, in datasets of its own in
 * $BIGQUERY_PROJECT (and $BIGQUERY_LOCATION), by application default credentials.
 */
import { runSuite } from '../contract/suite.ts';

if (!process.env.BIGQUERY_PROJECT) {
  console.error(
    'Set BIGQUERY_PROJECT to a project where datasets may be made (and BIGQUERY_LOCATION to where), and give credentials:\n' +
      'gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS=key.json',
  );
  process.exit(1);
}
const words = ['--testTimeout=900000', 'test/bigquery/contract.test.ts', ...process.argv.slice(2)];
process.exit(await runSuite('bigquery', words));
