import type { Column, ColumnType, TableColumn } from '../../core/words.ts';
import { quoteName, quoteText } from '../../duckdb/engine.ts';
import { DUCKDB_TYPES } from '../../duckdb/types.ts';
import { LEDGER_COLUMNS } from '../destination.ts';
import { STATE_OUTCOMES } from '../ledger.ts';
import type { Attached } from './connect.ts';

export const LEDGER = '_exportd_loads';
const STATE_VIEW = '_exportd_state';
export const PENDING = '_exportd_pending';

/** What a table of ours has: maps as JSON, so that people can query into them. */
export const NATIVE_TYPES: Readonly<Record<ColumnType, string>> = { ...DUCKDB_TYPES, map: 'JSON' };

const CONTRACT_TYPES = new Map<string, ColumnType>();
for (const [type, native] of Object.entries(NATIVE_TYPES)) CONTRACT_TYPES.set(native, type as ColumnType);

const LEDGER_TABLE: readonly Column[] = LEDGER_COLUMNS.map(({ name, type }) => ({ name, type, description: '' }));

/** Loads whose commit may have been replayed by half, see pending.ts. */
const PENDING_TABLE: readonly Column[] = [
  { name: 'load_id', type: 'string', description: 'A load whose commit was about to begin' },
  { name: 'table_name', type: 'string', description: 'The table that its rows were to go into' },
];

/** A relation of the schema, as it is now. */
export interface Relation {
  readonly isView: boolean;
  readonly columns: readonly TableColumn[];
}

export type Relations = ReadonlyMap<string, Relation>;

/** Tables and views of the destination's schema, by name in lower case, as DuckDB matches them; `names`: those alone. */
export async function relations(file: Attached, names?: readonly string[]): Promise<Relations> {
  const parameters = { catalog: file.catalog, schema: file.schema };
  const among = names === undefined ? '' : `AND list_contains(from_json($names, '["VARCHAR"]'), lower(table_name))`;
  const tables = await file.connection.rows<{ name: string; columns: string }>(
    `SELECT lower(table_name) AS name,
       to_json(list([lower(column_name), data_type] ORDER BY column_index))::VARCHAR AS columns FROM duckdb_columns()
     WHERE database_name = $catalog AND lower(schema_name) = lower($schema) ${among}
     GROUP BY ALL`,
    names === undefined ? parameters : { ...parameters, names: JSON.stringify(names) },
  );
  const views = await file.connection.rows<{ name: string }>(
    `SELECT lower(view_name) AS name FROM duckdb_views()
     WHERE database_name = $catalog AND lower(schema_name) = lower($schema)`,
    parameters,
  );
  const areViews = new Set(views.map(({ name }) => name));
  return new Map(
    tables.map(({ name, columns }) => {
      const parsed = JSON.parse(columns) as [name: string, native: string][];
      return [
        name,
        {
          isView: areViews.has(name),
          columns: parsed.map(([name, native]) => ({ name, native, type: CONTRACT_TYPES.get(native) })),
        },
      ];
    }),
  );
}

/** `"name" TYPE, …` */
function definitions(columns: readonly Column[]): string {
  return columns.map((column) => `${quoteName(column.name)} ${NATIVE_TYPES[column.type]}`).join(', ');
}

/** Makes the table, or adds the columns that it lacks; says which columns are new. Never changes or drops one. */
export async function ensureTable(
  file: Attached,
  name: string,
  columns: readonly Column[],
  existing: Relation | undefined,
): Promise<readonly Column[]> {
  const table = file.table(name);
  const there = new Set(existing?.columns.map((column) => column.name));
  const added = columns.filter((column) => !there.has(column.name));
  if (existing === undefined) {
    await file.connection.run(`CREATE TABLE ${table} (${definitions(columns)})`);
  } else {
    for (const column of added) await file.connection.run(`ALTER TABLE ${table} ADD COLUMN ${definitions([column])}`);
  }
  for (const column of added.filter(({ description }) => description !== '')) {
    await file.connection.run(
      `COMMENT ON COLUMN ${table}.${quoteName(column.name)} IS ${quoteText(column.description)}`,
    );
  }
  return added;
}

export const LEDGER_RELATIONS = [LEDGER, STATE_VIEW, PENDING];

/** Schema, ledger, its view, and the pending table: made, or given the columns that this version has and they lack. */
export async function ensureLedger(file: Attached, existing: Relations): Promise<void> {
  await file.connection.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(file.catalog)}.${quoteName(file.schema)}`);
  await ensureTable(file, PENDING, PENDING_TABLE, existing.get(PENDING));
  const added = await ensureTable(file, LEDGER, LEDGER_TABLE, existing.get(LEDGER));
  if (added.length === 0 && existing.has(STATE_VIEW)) return;
  // The view's text may not hold the catalog: that is a name of this process, and people attach the file under theirs.
  await file.connection.run(`USE ${quoteName(file.catalog)}.${quoteName(file.schema)}`);
  await file.connection.run(`CREATE OR REPLACE VIEW ${quoteName(STATE_VIEW)} AS ${stateSql(quoteName(LEDGER))}`);
  await file.connection.run('USE memory.main');
}

/** `'loaded', 'unchanged', …` for an IN. */
export const STATES_SQL = STATE_OUTCOMES.map(quoteText).join(', ');

/**
 * Per table and key the newest state row after the table's newest `reset`. `among` restricts it, on rows `l` of the
 * ledger, to some tables or keys: by those columns alone, or an older row may pass for the newest.
 */
export function stateSql(ledger: string, among = 'true'): string {
  const columns = LEDGER_COLUMNS.map(({ name }) => `l.${quoteName(name)}`).join(', ');
  return `SELECT ${columns}
    FROM ${ledger} l
    LEFT JOIN (
      SELECT table_name, max((loaded_at, load_id)) AS at FROM ${ledger} WHERE outcome = 'reset' GROUP BY table_name
    ) r ON r.table_name = l.table_name
    WHERE l.outcome IN (${STATES_SQL}) AND ${among} AND (r.at IS NULL OR (l.loaded_at, l.load_id) > r.at)
    QUALIFY row_number() OVER (PARTITION BY l.table_name, l.period_key ORDER BY l.loaded_at DESC, l.load_id DESC) = 1`;
}

/**
 * The instant for new ledger rows: the database's clock, but never one that was given before, so that the newest row is
 * the last one written also after the machine's clock went back.
 */
export function loadedAtSql(ledger: string): string {
  return `greatest(now(), (SELECT max(loaded_at) + INTERVAL 1 microsecond FROM ${ledger}))`;
}
