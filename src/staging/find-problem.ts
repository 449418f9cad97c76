import type { LandingColumn } from '../core/columns.ts';
import { quotedName } from '../core/columns.ts';
import { ExportdError } from '../core/errors.ts';
import type { ColumnType } from '../core/words.ts';
import { type Connection, engineFault } from '../duckdb/engine.ts';
import type { Body } from '../sources/source.ts';
import { scanCsv } from './body-scan.ts';
import { bodyTexts, type Reading, SHARED_FILE, USUAL_RECORD } from './body-texts.ts';
import type { LandingGroup } from './group-bodies.ts';
import { isMisfit } from './typed-select.ts';
import { unreadable } from './unreadable.ts';
import { shapeOf } from './value-shape.ts';

/** What was found in one body of a statement that failed: what is wrong with it, or how to read it. */
export interface Finding {
  readonly problem?: ExportdError | undefined;
  /** undefined: as usual. */
  readonly reading?: Reading | undefined;
}

/**
 * Looks at one body alone, after a statement failed that it was part of: first byte by byte, then value by value.
 * Throws only what stops every body (aborted, memory, disk).
 */
export async function findProblem(connection: Connection, group: LandingGroup, signal: AbortSignal): Promise<Finding> {
  const [body] = group.bodies;
  if (body === undefined) return {};
  try {
    const reading =
      group.types === undefined && group.hasHeader ? await readingOf(body, group.names.length, signal) : group.reading;
    const problem = await findMisfit(connection, { ...group, reading: { ...reading, inOrder: true } });
    // A column in which nothing can be a misfit was not looked into: its pages may be damaged.
    if (group.types !== undefined && problem === undefined) await readWhole(connection, group);
    return problem === undefined ? { reading } : { problem };
  } catch (error) {
    if (signal.aborted || engineFault(error) !== 'other') throw error;
    if (error instanceof ExportdError) return { problem: error };
    return { problem: unreadable(group.types === undefined ? 'CSV' : 'Parquet') };
  }
}

/** Reads every value of a body. */
async function readWhole(connection: Connection, group: LandingGroup): Promise<void> {
  await connection.run(`SELECT max(hash(body)) FROM ${bodyTexts(group).from} AS body`);
}

/** How DuckDB can read a CSV that came with a header. Throws what is wrong with it. */
async function readingOf(body: Body, columns: number, signal: AbortSignal): Promise<Reading | undefined> {
  const { longest, spansLines } = await scanCsv(body.file.path, columns, signal);
  const longestRecord = longest < USUAL_RECORD ? undefined : longest;
  const inOrder = spansLines && body.bytes > SHARED_FILE;
  return longestRecord === undefined && !inOrder ? undefined : { longestRecord, inOrder };
}

/** The first value that its column cannot hold, by row and column. The group is read in order. */
async function findMisfit(connection: Connection, group: LandingGroup): Promise<ExportdError | undefined> {
  const { columns } = group;
  const texts = bodyTexts(group);
  const present = columns.filter((column) => texts.text(column.from) !== undefined);
  const branches = (of: (column: LandingColumn) => string) =>
    present.map((column, index) => `WHEN ${index} THEN ${of(column)}`).join(' ');
  if (present.length === 0) return undefined;
  const [misfit] = await connection.rows<{ row: bigint; found: number; value: string | null; twice: boolean }>(
    `SELECT row, found,
  CASE found ${branches(({ from }) => texts.text(from) ?? 'NULL')} END AS value,
  CASE found ${branches(({ from }) => texts.twice(from) ?? 'false')} END AS twice
FROM (SELECT *, CASE ${present.map((column, index) => `WHEN ${isMisfit(texts, column)} THEN ${index}`).join(' ')} END AS found
  FROM (SELECT *, row_number() OVER () AS row FROM ${texts.from}))
WHERE found IS NOT NULL ORDER BY row LIMIT 1`,
  );
  const column = misfit === undefined ? undefined : present[misfit.found];
  if (misfit === undefined || column === undefined) return undefined;
  if (misfit.twice) {
    return new ExportdError(
      'COLUMN_REFUSED',
      `row ${misfit.row} has the column ${quotedName(column.from)} twice, in two spellings`,
      {
        scope: 'period',
        hint: 'there is no right one to take; report it to whoever runs the source',
      },
    );
  }
  return misfitError(column, misfit.row, misfit.value ?? '');
}

const TYPE_NAMES: Readonly<Record<ColumnType, string>> = {
  string: 'a string',
  integer: 'an integer (64 bits)',
  numeric: 'a number with at most 29 digits before its point',
  'numeric(38,18)': 'a number with at most 20 digits before its point',
  float: 'a finite number',
  boolean: 'true or false',
  date: 'a date (YYYY-MM-DD)',
  timestamp: 'an ISO 8601 timestamp, to the microsecond',
  map: 'a JSON object in which no key is named twice',
};

function misfitError(column: LandingColumn, row: bigint, value: string): ExportdError {
  const wanted = column.hashed || column.type === 'string' ? column.reads : column.type;
  const shape = shapeOf(value, column.personal);
  const expected = column.parsed === true ? `${TYPE_NAMES.map} and no number wider than 64 bits` : TYPE_NAMES[wanted];
  const because = wanted === column.reads ? '' : ', which the table has it as';
  return new ExportdError(
    'VALUE_MISFIT',
    `column ${quotedName(column.from)}, row ${row}: ${shape} is not exactly ${expected}${because}`,
    {
      scope: 'period',
      hint: 'nothing of this period was loaded. Give the column a wider type with columns.types and load into a new table, or drop it with columns.drop',
    },
  );
}
