/** `npm run test:bigquery`: the suite on the emulator, then every statement that it sent is parsed as GoogleSQL. */
import { runSuiteAndParse } from '../contract/suite.ts';
import { installBigQuery } from '../engines/bigquery.ts';

process.exit(await runSuiteAndParse('bigquery', installBigQuery, process.argv.slice(2)));
