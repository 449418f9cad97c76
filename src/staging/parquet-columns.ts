import { matchingName, quotedName } from '../core/columns.ts';
import { contractColumns, reportName } from '../core/contract.ts';
import { ExportdError } from '../core/errors.ts';
import type { ColumnType, Report } from '../core/words.ts';
import { type Connection, engineFault, quoteText } from '../duckdb/engine.ts';
import { DUCKDB_TYPES } from '../duckdb/types.ts';
import { unreadable } from './unreadable.ts';

/** Types of the contract as DuckDB reads them from Parquet: a map is the text of a JSON object. */
const TYPES = new Map<string, ColumnType>();
for (const [type, native] of Object.entries(DUCKDB_TYPES)) {
  if (type !== 'map') TYPES.set(native, type as ColumnType);
}

/**
 * The columns of a Parquet body, in their order. Throws VALUE_MISFIT where one of the contract's has another type than
 * the contract's own: a value that would have to be changed is not taken; BODY_MALFORMED where it is no Parquet file.
 */
export async function parquetColumns(
  connection: Connection,
  report: Report,
  path: string,
): Promise<{ readonly names: readonly string[]; readonly types: readonly ColumnType[] }> {
  const columns = await described(connection, path);
  const contract = new Map(contractColumns(report).map(({ name, type }) => [name, type]));
  const types = columns.map(({ column_name: name, column_type: native }) => {
    const wanted = contract.get(matchingName(name));
    const right = wanted === undefined ? TYPES.has(native) : native === DUCKDB_TYPES[wanted];
    if (!right) throw otherType(report, name, native, wanted);
    return wanted ?? TYPES.get(native) ?? 'string';
  });
  return { names: columns.map(({ column_name: name }) => name), types };
}

interface Described {
  readonly column_name: string;
  readonly column_type: string;
}

async function described(connection: Connection, path: string): Promise<Described[]> {
  try {
    return await connection.rows<Described>(
      `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(${quoteText(path)}))`,
    );
  } catch (error) {
    throw engineFault(error) === 'other' && !(error instanceof ExportdError) ? unreadable('Parquet') : error;
  }
}

function otherType(report: Report, name: string, native: string, wanted: ColumnType | undefined): ExportdError {
  const right = wanted === undefined ? [...TYPES.keys()].join(', ') : DUCKDB_TYPES[wanted];
  return new ExportdError(
    'VALUE_MISFIT',
    `column ${quotedName(name)} of the ${reportName(report)} report came as ${native}, not as ${right}`,
    { scope: 'period', hint: "the report must select every column in the contract's own type" },
  );
}
