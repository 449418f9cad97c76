import type { Column, LedgerEntry, LoadId, LocalDate } from '../../core/words.ts';
import { LEDGER_COLUMNS } from '../destination.ts';
import { DELETING_OUTCOMES, ledgerRow } from '../ledger.ts';
import { NATIVE_TYPES } from './schema.ts';
import { millis, quoteName, quoteText, quoteTexts } from './sql.ts';
import { stateSql } from './state-sql.ts';

/** What one block commits. Tables are named as in SQL. */
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

/** What the block raises: found in the text of its error. */
export const RAISED = { lock: 'exportd: the lock has no row', count: 'exportd: other rows arrived than were staged' };

/**
 * The commit as one statement and one transaction: Snowflake finishes it or rolls it back, whatever becomes of this
 * process. A batch whose loads are in the ledger is not committed again. It returns which entries the ledger has.
 */
export function commitBlock(commit: Commit): string {
  const { table, ledger, lock, staging, insert, entries, dates, expectedRows, batch } = commit;
  const deleting = entries.filter(({ outcome }) => DELETING_OUTCOMES.some((known) => known === outcome));
  const ours = oursSql(entries);
  const steps = [
    ...(deleting.length === 0 ? [] : [deleteSql(table, deleting, dates)]),
    ...(staging === undefined || insert.length === 0
      ? []
      : [`${insertRowsSql(table, staging, commit.columns, insert)};`, 'arrived := SQLROWCOUNT;']),
    `IF (arrived != ${expectedRows}) THEN
      RAISE count_differs;
    END IF;`,
    `${insertEntriesSql(ledger, entries)};`,
  ];
  return `EXECUTE IMMEDIATE $$
DECLARE
  lock_is_empty EXCEPTION (-20001, '${RAISED.lock}');
  count_differs EXCEPTION (-20002, '${RAISED.count}');
  arrived INTEGER DEFAULT 0;
  known INTEGER DEFAULT 0;
  appended RESULTSET;
BEGIN
  BEGIN TRANSACTION;
  UPDATE ${lock} SET load_id = ${quoteText(batch)};
  IF (SQLROWCOUNT = 0) THEN
    RAISE lock_is_empty;
  END IF;
  SELECT COUNT(*) INTO :known FROM ${ledger} WHERE ${ours};
  IF (known = 0) THEN
    ${steps.join('\n    ')}
  END IF;
  appended := (${appendedSql(ledger, entries)});
  COMMIT;
  RETURN TABLE(appended);
EXCEPTION
  WHEN OTHER THEN
    ROLLBACK;
    RAISE;
END;
$$`;
}

/** Which of the entries the ledger has, and since when: (load_id, loaded_ms). */
export function appendedSql(ledger: string, entries: readonly LedgerEntry[]): string {
  return `SELECT load_id, ${millis('loaded_at')} AS loaded_ms FROM ${ledger} WHERE ${oursSql(entries)}`;
}

/** The ledger's rows of this batch; by date too, which spares the rest of the ledger. */
function oursSql(entries: readonly LedgerEntry[]): string {
  const days = entries.map(({ periodDate }) => periodDate).sort();
  const between = `period_date BETWEEN ${dateSql(days[0] ?? '')} AND ${dateSql(days.at(-1) ?? '')}`;
  return `${between} AND load_id IN (${quoteTexts(entries.map(({ loadId }) => loadId))})`;
}

function dateSql(date: LocalDate): string {
  return `DATE ${quoteText(date)}`;
}

/** By date as well as by key: dates are what Snowflake's partitions are pruned by. */
function deleteSql(table: string, deleting: readonly LedgerEntry[], others: readonly LocalDate[]): string {
  const dates = [...new Set([...others, ...deleting.map(({ periodDate }) => periodDate)])].sort();
  return `DELETE FROM ${table} WHERE _period_date IN (${dates.map(dateSql).join(', ')}) AND _period_key IN (${quoteTexts(deleting.map(({ periodKey }) => periodKey))});`;
}

function insertRowsSql(table: string, staging: string, columns: Commit['columns'], insert: readonly LoadId[]): string {
  const names = columns.map(({ name }) => quoteName(name));
  const values = columns.map(({ name, type }) => (type === 'map' ? `PARSE_JSON(${quoteName(name)})` : quoteName(name)));
  return `INSERT INTO ${table} (${names.join(', ')})
    SELECT ${values.join(', ')} FROM ${staging} WHERE _load_id IN (${quoteTexts(insert)})`;
}

const WRITTEN = LEDGER_COLUMNS.filter(({ field }) => field !== 'loadedAt');

/** All but an `unchanged` one whose rows are no longer those of its key. */
function insertEntriesSql(ledger: string, entries: readonly LedgerEntry[]): string {
  const unchanged = entries.filter(({ outcome }) => outcome === 'unchanged');
  if (unchanged.length === 0) return appendSql(ledger, entries);
  const tables = quoteTexts([...new Set(unchanged.map(({ tableName }) => tableName))]);
  const keys = quoteTexts(unchanged.map(({ periodKey }) => periodKey));
  const compared = stateSql(ledger, `l.table_name IN (${tables}) AND l.period_key IN (${keys})`);
  return `${appendSql(ledger, entries)}
    LEFT JOIN (${compared}) AS s ON s.table_name = e.table_name AND s.period_key = e.period_key
    WHERE e.outcome != 'unchanged' OR s.rows_load_id = e.rows_load_id`;
}

/** Appends the entries, as rows `e`. */
export function appendSql(ledger: string, entries: readonly LedgerEntry[]): string {
  const names = WRITTEN.map(({ name }) => quoteName(name)).join(', ');
  const values = WRITTEN.map(({ name, type }) => {
    const value = `e.${quoteName(name)}`;
    return type === 'map' ? `PARSE_JSON(${value})` : `CAST(${value} AS ${NATIVE_TYPES[type]})`;
  });
  return `INSERT INTO ${ledger} (${names}, loaded_at)
    SELECT ${values.join(', ')}, CURRENT_TIMESTAMP()
    FROM (VALUES
      ${entries.map(rowSql).join(',\n      ')}
    ) AS e (${names})`;
}

function rowSql(entry: LedgerEntry): string {
  const row = ledgerRow(entry);
  const values = WRITTEN.map(({ name, type }) => {
    const value = row[name];
    if (value === null || value === undefined) return 'NULL';
    return quoteText(type === 'map' ? JSON.stringify(value) : String(value));
  });
  return `(${values.join(', ')})`;
}
