import type { LandingColumn } from '../core/columns.ts';
import { quotedName } from '../core/columns.ts';
import { ExportdError } from '../core/errors.ts';
import type { ColumnType } from '../core/words.ts';
import { type Connection, engineFault } from '../duckdb/engine.ts';
import { longestLine, scanCsv } from './body-scan.ts';
import { bodyTexts, type Reading, USUAL_RECORD } from './body-texts.ts';
import type { LandingGroup } from './group-bodies.ts';
import { isMisfit } from './typed-select.ts';
import { shapeOf } from './value-shape.ts';

/** What was found in one body of a statement that failed: what is wrong with it, or how to read it. */
export interface Finding {
  readonly problem?: ExportdError | undefined;
  /** undefined: as usual. */
  readonly reading?: Reading | undefined;
}

/** Bytes after which DuckDB gives a CSV file to a second thread, which then takes a line end in quotes for a row's. */
const SHARED_FILE = 8_000_000;

/**
 * Looks at one body alone, after a statement failed that it was part of: first byte by byte, then value by value.
 * Throws only what stops every body (aborted, memory, disk).
 */
export async function findProblem(connection: Connection, group: LandingGroup, signal: AbortSignal): Promise<Finding> {
  const [body] = group.bodies;
  if (body === undefined) return {};
  try {
    const { longest, spansLines } =
      group.format === 'csv'
        ? await scanCsv(body.file.path, group.names.length, signal)
        : { longest: await longestLine(body.file.path, signal), spansLines: false };
    const longestRecord = longest < USUAL_RECORD ? undefined : longest;
    const alone = { ...group, reading: { longestRecord, inOrder: true } };
    const problem = (await findUnreadable(connection, alone)) ?? (await findMisfit(connection, alone));
    if (problem !== undefined) return { problem };
    const inOrder = spansLines && body.bytes > SHARED_FILE;
    return longestRecord === undefined && !inOrder ? {} : { reading: { longestRecord, inOrder } };
  } catch (error) {
    if (signal.aborted || engineFault(error) !== 'other') throw error;
    if (error instanceof ExportdError) return { problem: error };
    return {
      problem: new ExportdError(
        'BODY_MALFORMED',
        `the export cannot be read as ${group.format === 'csv' ? 'CSV' : 'JSON'}`,
        {
          scope: 'period',
          retryable: true,
          hint: 'the source is asked again; nothing of it was loaded. If it stays so, report it to whoever runs the source',
        },
      ),
    };
  }
}

/**
 * The first row of a JSON answer that DuckDB cannot take apart; read in order. Its grammar and its UTF-8 were checked as it arrived:
 * what is left is an escape for half a character, which JavaScript makes of a text that was cut inside an emoji.
 */
async function findUnreadable(connection: Connection, group: LandingGroup): Promise<ExportdError | undefined> {
  const { from, unreadable } = bodyTexts(group);
  if (unreadable === undefined) return undefined;
  const [found] = await connection.rows<{ row: bigint }>(
    `SELECT row FROM (SELECT ${unreadable} AS unreadable, row_number() OVER () AS row FROM ${from})
WHERE unreadable ORDER BY row LIMIT 1`,
  );
  if (found === undefined) return undefined;
  return new ExportdError(
    'VALUE_MISFIT',
    `row ${found.row} of the JSON answer holds half a character (\\ud800 to \\udfff without its other half)`,
    {
      scope: 'period',
      hint: 'a text was cut inside an emoji; correct it at the source, or ask for format: csv, which cannot hold such a half',
    },
  );
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
  const because = wanted === column.reads ? '' : ', which the table has it as';
  return new ExportdError(
    'VALUE_MISFIT',
    `column ${quotedName(column.from)}, row ${row}: ${shape} is not exactly ${TYPE_NAMES[wanted]}${because}`,
    {
      scope: 'period',
      hint: 'nothing of this period was loaded. Give the column a wider type with columns.types and load into a new table, or drop it with columns.drop',
    },
  );
}
