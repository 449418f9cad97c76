/**
 * What the machine allows Snowflake: POST, download, the same Parquet by DuckDB alone, its PUT and COPY by Snowflake's own
 * driver, without which nothing gets into a stage. Nothing is checked, measured or committed.
 *
 * `node bench/snowflake-limit.ts BASE_URL SNOWFLAKE_URL DATABASE SCRATCH_FILE DAY COUNTERS`
 */
import { rmSync } from 'node:fs';
import { enter } from '../test/snowflake/person.ts';
import { columnsOf, writeParquetAlone } from './parquet-alone.ts';

const [base = '', url = '', database = '', scratch = '', day = '', counters = '10'] = process.argv.slice(2);
const parquet = await writeParquetAlone(base, scratch, day, Number(counters));

/** DuckDB's types in Snowflake's words. */
const TYPES: Readonly<Record<string, string>> = { BIGINT: 'NUMBER(38,0)', TIMESTAMPTZ: 'TIMESTAMP_TZ' };
const METADATA: Readonly<Record<string, string>> = {
  _period_key: 'VARCHAR',
  _period_date: 'DATE',
  _period_start: 'TIMESTAMP_TZ',
  _period_end: 'TIMESTAMP_TZ',
  _source: 'VARCHAR',
  _load_id: 'VARCHAR',
  _extracted_at: 'TIMESTAMP_TZ',
};
const columns = Object.entries({ ...columnsOf(Number(counters)), ...METADATA });
const account = { account: 'test', username: 'exportd', password: 'none', schema: 's' };
const person = await enter({ ...account, accessUrl: url, database });
await person.sql('CREATE STAGE bench');
await person.sql(`CREATE TABLE limits (${columns.map(([name, type]) => `${name} ${TYPES[type] ?? type}`).join(', ')})`);
await person.sql(`PUT 'file://${parquet}' @bench/ AUTO_COMPRESS=FALSE OVERWRITE=TRUE`);
await person.sql(
  'COPY INTO limits FROM @bench/ FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE',
);
rmSync(scratch);
rmSync(parquet);
process.exit(0);
