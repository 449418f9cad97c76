import type { ColumnType, TableColumn } from '../../core/words.ts';
import type { Existing } from '../refusals.ts';
import { NATIVE_TYPES } from './schema.ts';
import type { Purpose, Session } from './session.ts';
import { quoteName, quoteTexts } from './sql.ts';

/** What the schema has under some names, by those names; a name that is not there is missing. */
export async function lookUp(
  session: Session,
  purpose: Purpose,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Existing>> {
  if (names.length === 0) return new Map();
  const { rows } = await session.run({ sql: catalogSql(session, names), purpose }, signal);
  const found = new Map<string, { isInstead: string | undefined; columns: TableColumn[] }>();
  const asked = new Map(names.map((name) => [name.toUpperCase(), name]));
  for (const [table, kind, column, type, nullable, length, precision, scale] of rows) {
    const name = asked.get(table ?? '');
    if (name === undefined) continue;
    const there = found.get(name) ?? { isInstead: kindName(kind ?? ''), columns: [] };
    found.set(name, there);
    const native = nativeOf({ type, nullable, length, precision, scale });
    there.columns.push({ name: (column ?? '').toLowerCase(), native, type: CONTRACT_TYPES.get(native) });
  }
  return found;
}

/** Not SHOW, which costs no warehouse, but answers no more than 10,000 columns. */
function catalogSql({ place }: Session, names: readonly string[]): string {
  const schema = `${quoteName(place.database)}.INFORMATION_SCHEMA`;
  return `SELECT t.table_name, t.table_type, c.column_name, c.data_type, c.is_nullable, c.character_maximum_length,
  c.numeric_precision, c.numeric_scale
FROM ${schema}.TABLES AS t
JOIN ${schema}.COLUMNS AS c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema = ${quoteTexts([place.schema.toUpperCase()])}
  AND t.table_name IN (${quoteTexts(names.map((name) => name.toUpperCase()))})
ORDER BY t.table_name, c.ordinal_position`;
}

const CONTRACT_TYPES = new Map<string, ColumnType>();
for (const [type, native] of Object.entries(NATIVE_TYPES)) CONTRACT_TYPES.set(native, type as ColumnType);

/** What VARCHAR holds where nobody says less. */
const LONGEST_TEXT = 16_777_216;

interface Described {
  readonly type: string | null | undefined;
  readonly nullable: string | null | undefined;
  readonly length: string | null | undefined;
  readonly precision: string | null | undefined;
  readonly scale: string | null | undefined;
}

/** As SQL says it. One that may not be null, or holds less, is none of ours. */
function nativeOf({ type, nullable, length, precision, scale }: Described): string {
  const name = type === 'TEXT' ? 'VARCHAR' : (type ?? '');
  const size =
    name === 'NUMBER'
      ? `(${precision},${scale})`
      : name === 'VARCHAR' && length != null && Number(length) < LONGEST_TEXT
        ? `(${length})`
        : '';
  return `${name}${size}${nullable === 'NO' ? ' NOT NULL' : ''}`;
}

function kindName(kind: string): string | undefined {
  if (kind === 'BASE TABLE') return undefined;
  return kind === 'EXTERNAL TABLE' ? 'an external table' : `a ${kind.toLowerCase()}`;
}
