/** The other statements that Snowflake is sent, word for word. */
import { describe, expect, test } from 'vitest';
import { driverFailure, kindOf, SnowflakeFailure, told } from '../../src/destinations/snowflake/failure.ts';
import { loadedRows } from '../../src/destinations/snowflake/replace.ts';
import {
  addColumnsSql,
  createLockSql,
  createStageSql,
  createStagingSql,
  createTableSql,
  createViewSql,
  seedLockSql,
} from '../../src/destinations/snowflake/schema.ts';
import { copySql, putSql, removeSql, stagedAt, stagingName } from '../../src/destinations/snowflake/staging-sql.ts';
import { isSweepDue } from '../../src/destinations/snowflake/sweep.ts';
import { COLUMNS } from '../contract/entries.ts';

const HOUR = 3_600_000;

describe('tables', () => {
  test('have the types of the contract, comments, and a clustering where the job says so', () => {
    const all = (
      ['string', 'integer', 'numeric', 'numeric(38,18)', 'float', 'boolean', 'date', 'timestamp', 'map'] as const
    ).map((type, at) => ({ name: `c${at}`, type, description: at === 0 ? "it's" : '' }));
    expect(
      createTableSql('"T"', { clusterBy: ['c6', 'order'] }, all, { transient: false }),
    ).toBe(`CREATE TABLE IF NOT EXISTS "T" (
  "C0" VARCHAR COMMENT 'it''s',
  "C1" NUMBER(38,0),
  "C2" NUMBER(38,9),
  "C3" NUMBER(38,18),
  "C4" FLOAT,
  "C5" BOOLEAN,
  "C6" DATE,
  "C7" TIMESTAMP_TZ,
  "C8" VARIANT,
  "_PERIOD_KEY" VARCHAR COMMENT 'Names the period of one report of one source for ever; a load replaces the rows of its key',
  "_PERIOD_DATE" DATE COMMENT 'Local date of the period: of its start, or of its last day where it spans several',
  "_PERIOD_START" TIMESTAMP_TZ COMMENT 'First instant of the period',
  "_PERIOD_END" TIMESTAMP_TZ COMMENT 'First instant after the period',
  "_SOURCE" VARCHAR COMMENT 'The source''s key',
  "_LOAD_ID" VARCHAR COMMENT 'The load that brought the row; see _exportd_loads',
  "_EXTRACTED_AT" TIMESTAMP_TZ COMMENT 'When the export was requested'
)
CLUSTER BY ("C6", "ORDER")
COMMENT = 'Made and filled by exportd: a load replaces the rows of its _period_key; see _exportd_state'`);
    expect(createTableSql('"T"', { clusterBy: [] }, COLUMNS, { transient: true })).toMatch(
      /^CREATE TRANSIENT TABLE IF/,
    );
  });

  test('get all new columns in one ALTER', () => {
    expect(addColumnsSql('"T"', COLUMNS)).toBe(`ALTER TABLE "T" ADD COLUMN
  IF NOT EXISTS "USER_ID" VARCHAR COMMENT 'User',
  IF NOT EXISTS "MESSAGES_TOTAL" NUMBER(38,0) COMMENT 'Messages'`);
  });

  test('have a lock that is made with its row, and gets it again where it is gone', () => {
    expect(createLockSql('"L"')).toBe('CREATE TABLE IF NOT EXISTS "L" AS SELECT CAST(NULL AS VARCHAR) AS load_id');
    expect(seedLockSql('"L"')).toBe(
      'INSERT INTO "L" (load_id) SELECT NULL FROM (SELECT COUNT(*) AS n FROM "L") WHERE n = 0',
    );
  });

  test('have a view of their newest states', () => {
    expect(createViewSql('"V"', '"L"')).toContain(
      'QUALIFY ROW_NUMBER() OVER (PARTITION BY l.table_name, l.period_key ORDER BY l.loaded_at DESC, l.load_id DESC) = 1',
    );
  });
});

describe('a batch on its way', () => {
  test('goes by a path and a table of its own, which are new each time it is staged', () => {
    const batch = '019aa000-1111-7222-8333-444444444444';
    expect([1, 2].map((attempt) => stagingName(batch, attempt))).toEqual([
      '019aa000_1111_7222_8333_444444444444_1',
      '019aa000_1111_7222_8333_444444444444_2',
    ]);
  });

  test('is uploaded over whatever is there, and loaded by name or not at all', () => {
    const location = '@"D"."S"."_EXPORTD_STAGE"/x_1/';
    expect(putSql("/sp ool/it's 50%.parquet", location)).toBe(
      String.raw`PUT 'file:///sp ool/it\'s 50%.parquet' @"D"."S"."_EXPORTD_STAGE"/x_1/ AUTO_COMPRESS=FALSE OVERWRITE=TRUE`,
    );
    expect(copySql('"T"', location)).toBe(`COPY INTO "T" FROM @"D"."S"."_EXPORTD_STAGE"/x_1/
FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE
ON_ERROR = ABORT_STATEMENT`);
    expect(removeSql(location)).toBe('REMOVE @"D"."S"."_EXPORTD_STAGE"/x_1/');
  });

  test('waits in a table without time travel or fail-safe, its maps as text', () => {
    expect(createStagingSql('"X"', [{ name: 'm', type: 'map' }])).toBe(`CREATE TRANSIENT TABLE "X" (
  "M" VARCHAR
)
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'A batch of exportd on its way'`);
  });

  test('is encrypted by Snowflake, so that the driver writes no second copy', () => {
    expect(createStageSql('"X"')).toContain("ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')");
  });

  test.each([
    [['LOADED', '3', '3'], 3],
    [['LOADED', '3', '2'], 0],
    [['LOAD_SKIPPED', '3', '3'], 0],
    [['PARTIALLY_LOADED', '3', '2'], 0],
  ])('of what COPY says (%s) %i rows count (case d13)', (row, rows) => {
    expect(loadedRows({ columns: ['status', 'rows_parsed', 'rows_loaded'], rows: [row] })).toBe(rows);
  });

  test('of an answer that no file was there no row counts (case d13)', () => {
    expect(loadedRows({ columns: ['status'], rows: [['Copy executed with 0 files processed.']] })).toBe(0);
  });

  test('tells its age by its name; what is none of ours has none', () => {
    const at = Date.parse('2026-11-25T12:00:00Z');
    const uuid = `${at
      .toString(16)
      .padStart(12, '0')
      .replace(/^(.{8})/, '$1_')}_7000_8000_000000000000`;
    expect(stagedAt(`${uuid}_1`)).toBe(at);
    expect(stagedAt(`_EXPORTD_STAGING_${uuid.toUpperCase()}_12`)).toBe(at);
    for (const name of ['somebody_elses', `${uuid}`, `${uuid.replace('_7', '_4')}_1`]) {
      expect(stagedAt(name)).toBeUndefined();
    }
  });

  test('is looked for by the first run of a day', () => {
    const now = Date.parse('2026-11-25T00:30:00Z');
    expect([undefined, now - HOUR, now - HOUR / 4].map((newest) => isSweepDue(newest, now))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('what went wrong is told by its code, or by its words', () => {
  test.each([
    ['000625', '', 'conflict'],
    ['000603', 'aborted: deadlock', 'conflict'],
    ['390112', '', 'session'],
    ['407002', '', 'session'],
    ['000630', '', 'busy'],
    ['401001', '', 'lost'],
    ['deadline', '', 'lost'],
    ['000606', '', 'denied'],
    ['003001', '', 'denied'],
    ['002003', '', 'missing'],
    ['390144', '', 'credentials'],
    ['090073', '', 'quota'],
    ['100038', 'Numeric value x', 'other'],
  ])('%s %s is %s', (code, message, kind) => {
    expect(kindOf(new SnowflakeFailure(message, { code }))).toBe(kind);
  });

  test.each([
    [401, 'session'],
    [403, 'denied'],
    [429, 'busy'],
    [503, 'lost'],
    [404, 'other'],
  ])('HTTP %i is %s', (statusCode, kind) => {
    expect(kindOf(driverFailure({ code: 401002, message: 'no', response: { statusCode } }))).toBe(kind);
  });

  test('a text that may quote rows is not told, the id of its query is', () => {
    const failure = driverFailure({ code: '100038', message: "'secret' is not", data: { queryId: '01b-2' } });
    const error = told(failure, { destination: 'sf', what: 'committing', committing: true });
    expect(String(error)).toContain('nothing was changed (100038) (query 01b-2)');
    expect(String(error)).not.toContain('secret');
  });

  test("what is none of Snowflake's passes as it is", () => {
    const bug = new TypeError('x is not a function');
    expect(told(bug, { destination: 'sf', what: 'reading' })).toBe(bug);
  });
});
