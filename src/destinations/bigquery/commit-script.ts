import type { Column, LedgerEntry, LoadId, LocalDate, PeriodKey } from '../../core/words.ts';
import { LEDGER_COLUMNS } from '../destination.ts';
import { DELETING_OUTCOMES, ledgerRow } from '../ledger.ts';
import { NATIVE_TYPES } from './schema.ts';
import { quoteName, type Statement, scalar, texts } from './sql.ts';
import { stateSql } from './state-sql.ts';

/** What one script commits. Tables are named as in SQL. */
export interface Commit {
  readonly table: string;
  readonly ledger: string;
  readonly lock: string;
  /** Where the rows are; undefined: there are none to insert. */
  readonly staging: string | undefined;
  /** Of the rows, metadata included. */
  readonly columns: readonly Pick<Column, 'name' | 'type'>[];
  readonly insert: readonly LoadId[];
  readonly entries: readonly LedgerEntry[];
  readonly dates: readonly LocalDate[];
  readonly expectedRows: number;
  /** Written into the lock's row. */
  readonly batch: string;
}

/** Partitions that one DELETE touches at most. */
const DATES_AT_ONCE = 200;

/** What the script raises: found in the text of the job's error. */
export const RAISED = {
  lock: 'exportd: the lock has no row',
  count: /exportd: (\d+) rows arrived of (\d+)/,
};

/** The ledger's rows of this batch; by date too, which spares the rest of the ledger. */
const OURS = 'period_date BETWEEN @first AND @last AND load_id IN UNNEST(@loads)';

/**
 * The commit as one script and one transaction: BigQuery finishes it or rolls it back, whatever becomes of this process.
 * A batch whose loads are in the ledger is not committed again. Its last statement answers which entries the ledger has.
 *
 * No EXCEPTION block: an error that nobody handles rolls back by itself, and a handler would hide its reason.
 */
export function commitScript(commit: Commit): Statement {
  const { table, ledger, lock, staging, insert, entries, dates, expectedRows } = commit;
  const deleting = entries.filter(({ outcome }) => DELETING_OUTCOMES.some((known) => known === outcome));
  const days = entries.map(({ periodDate }) => periodDate).sort();
  const deletes = deleteSql(table, [...new Set([...dates, ...deleting.map(({ periodDate }) => periodDate)])].sort());
  const steps = [
    ...(deleting.length === 0 ? [] : deletes.statements),
    ...(staging === undefined || insert.length === 0
      ? []
      : [`${insertRowsSql(table, staging, commit.columns)};`, 'SET arrived = @@row_count;']),
    `IF arrived != @expected THEN
    RAISE USING MESSAGE = FORMAT('exportd: %d rows arrived of %d', arrived, @expected);
  END IF;`,
    `${insertEntriesSql(ledger, entries)};`,
  ];
  return {
    sql: `DECLARE arrived INT64 DEFAULT 0;
BEGIN TRANSACTION;
UPDATE ${lock} SET load_id = @batch WHERE TRUE;
IF @@row_count = 0 THEN
  RAISE USING MESSAGE = '${RAISED.lock}';
END IF;
IF NOT EXISTS (SELECT 1 FROM ${ledger} WHERE ${OURS}) THEN
  ${steps.join('\n  ')}
END IF;
COMMIT TRANSACTION;
SELECT load_id, UNIX_MILLIS(loaded_at) AS loaded_ms FROM ${ledger} WHERE ${OURS};`,
    parameters: [
      scalar('first', 'DATE', days[0] ?? null),
      scalar('last', 'DATE', days.at(-1) ?? null),
      scalar('batch', 'STRING', commit.batch),
      scalar('expected', 'INT64', String(expectedRows)),
      scalar('entries', 'STRING', JSON.stringify(entries.map(ledgerRow))),
      texts(
        'loads',
        entries.map(({ loadId }) => loadId),
      ),
      ...(deleting.length === 0 ? [] : [texts('keys', keysOf(deleting)), ...deletes.parameters]),
      ...(insert.length === 0 ? [] : [texts('insert', insert)]),
    ],
  };
}

function keysOf(entries: readonly LedgerEntry[]): PeriodKey[] {
  return entries.map(({ periodKey }) => periodKey);
}

/** Dates as scalars: only what is constant when a statement is planned keeps it from scanning every partition. */
function deleteSql(table: string, dates: readonly LocalDate[]) {
  const statements: string[] = [];
  for (let first = 0; first < dates.length; first += DATES_AT_ONCE) {
    const some = dates.slice(first, first + DATES_AT_ONCE).map((_, at) => `@date${first + at}`);
    statements.push(
      `DELETE FROM ${table} WHERE _period_date IN (${some.join(', ')}) AND _period_key IN UNNEST(@keys);`,
    );
  }
  return { statements, parameters: dates.map((date, at) => scalar(`date${at}`, 'DATE', date)) };
}

function insertRowsSql(table: string, staging: string, columns: Commit['columns']): string {
  const names = columns.map(({ name }) => quoteName(name));
  const values = columns.map(({ name, type }) =>
    type === 'map' ? `PARSE_JSON(${quoteName(name)}, wide_number_mode => 'exact')` : quoteName(name),
  );
  return `INSERT INTO ${table} (${names.join(', ')})
  SELECT ${values.join(', ')} FROM ${staging} WHERE _load_id IN UNNEST(@insert)`;
}

/** Entries as rows `e`, from their JSON in @entries. */
const ENTRIES = `(
    SELECT ${LEDGER_COLUMNS.filter(({ field }) => field !== 'loadedAt')
      .map(({ name, type }) => `${entryValue(name, type)} AS ${quoteName(name)}`)
      .join(', ')}
    FROM UNNEST(JSON_QUERY_ARRAY(@entries)) AS entry
  )`;

function entryValue(name: string, type: (typeof LEDGER_COLUMNS)[number]['type']): string {
  if (type === 'map') return `PARSE_JSON(JSON_QUERY(entry, '$.${name}'))`;
  const text = `JSON_VALUE(entry, '$.${name}')`;
  return type === 'string' ? text : `CAST(${text} AS ${NATIVE_TYPES[type]})`;
}

/** All but an `unchanged` one whose rows are no longer those of its key. */
function insertEntriesSql(ledger: string, entries: readonly LedgerEntry[]): string {
  if (entries.every(({ outcome }) => outcome !== 'unchanged')) return appendSql(ledger);
  const compared =
    "l.table_name IN (SELECT JSON_VALUE(entry, '$.table_name') FROM UNNEST(JSON_QUERY_ARRAY(@entries)) AS entry) " +
    "AND l.period_key IN (SELECT JSON_VALUE(entry, '$.period_key') FROM UNNEST(JSON_QUERY_ARRAY(@entries)) AS entry)";
  return `${appendSql(ledger)}
  LEFT JOIN (${stateSql(ledger, compared)}) AS s ON s.table_name = e.table_name AND s.period_key = e.period_key
  WHERE e.outcome != 'unchanged' OR s.rows_load_id = e.rows_load_id`;
}

/** Appends the entries of @entries. */
export function appendSql(ledger: string): string {
  const names = LEDGER_COLUMNS.filter(({ field }) => field !== 'loadedAt').map(({ name }) => quoteName(name));
  return `INSERT INTO ${ledger} (${names.join(', ')}, loaded_at)
  SELECT ${names.map((name) => `e.${name}`).join(', ')}, CURRENT_TIMESTAMP() FROM ${ENTRIES} AS e`;
}
