/**
 * `npm run test:snowflake:real`: what every destination promises, held against Snowflake itself, in schemas of its own in
 * $SNOWFLAKE_DATABASE, by the key pair of a user.
 */
import { runSuite } from '../contract/suite.ts';

const NEEDED = [
  'SNOWFLAKE_ACCOUNT',
  'SNOWFLAKE_USER',
  'SNOWFLAKE_KEY_FILE',
  'SNOWFLAKE_DATABASE',
  'SNOWFLAKE_WAREHOUSE',
];

const missing = NEEDED.filter((name) => !process.env[name]);
if (missing.length > 0) {
  console.error(
    `Set ${missing.join(', ')} (and SNOWFLAKE_ROLE): an account, a user with its private key, and a database where the ` +
      'role may make schemas.',
  );
  process.exit(1);
}
const words = ['--testTimeout=900000', 'test/snowflake/contract.test.ts', ...process.argv.slice(2)];
process.exit(await runSuite('snowflake', words));
