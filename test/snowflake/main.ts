/** `npm run test:snowflake`: the suite on the emulator, then every statement that it sent is parsed as Snowflake's SQL. */
import { runSuiteAndParse } from '../contract/suite.ts';
import { installSnowflake } from '../engines/snowflake.ts';

process.exit(await runSuiteAndParse('snowflake', installSnowflake, process.argv.slice(2)));
