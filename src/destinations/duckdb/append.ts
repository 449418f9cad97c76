import type { LedgerEntry } from '../../core/words.ts';
import { quoteName, quoteText } from '../../duckdb/engine.ts';
import { LEDGER_COLUMNS } from '../destination.ts';
import { type LedgerRow, ledgerEntry, ledgerRow } from '../ledger.ts';
import type { Attached } from './connect.ts';
import { LEDGER, loadedAtSql, NATIVE_TYPES } from './schema.ts';

/** The ledger rows in hand, as a table of the connection. */
export const ENTRIES = 'temp._exportd_entries';

const STRUCTURE = JSON.stringify([
  Object.fromEntries(
    LEDGER_COLUMNS.filter(({ field }) => field !== 'loadedAt').map(({ name, type }) => [name, NATIVE_TYPES[type]]),
  ),
]);

const COLUMNS = LEDGER_COLUMNS.filter(({ field }) => field !== 'loadedAt').map(({ name }) => quoteName(name));

/** Puts entries into ENTRIES, typed; as one parameter, so that no value is ever part of a statement. */
export async function bindEntries(file: Attached, entries: readonly LedgerEntry[]): Promise<void> {
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE ${ENTRIES} AS
     SELECT unnest(from_json($entries, ${quoteText(STRUCTURE)}), recursive := true)`,
    { entries: JSON.stringify(entries.map(ledgerRow)) },
  );
}

/** Appends the rows of ENTRIES for which `condition` (on `e`) holds. */
export async function appendEntries(file: Attached, condition: string): Promise<void> {
  const ledger = file.table(LEDGER);
  const columns = COLUMNS.join(', ');
  await file.connection.run(
    `INSERT INTO ${ledger} (${columns}, loaded_at)
     SELECT ${columns}, ${loadedAtSql(ledger)} FROM ${ENTRIES} e WHERE ${condition}`,
  );
}

const AS_JSON = LEDGER_COLUMNS.map(({ name, type }) => {
  const column = `l.${quoteName(name)}`;
  const value = type === 'timestamp' ? `strftime(${column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ')` : column;
  return `${quoteText(name)}, ${value}`;
}).join(', ');

/** Entries of the ledger as they stand there; `rest` may filter and order rows of the ledger `l`. */
export async function selectEntries(
  file: Attached,
  rest: string,
  parameters: Readonly<Record<string, string | number | bigint | null>>,
): Promise<LedgerEntry[]> {
  const rows = await file.connection.rows<{ entry: string }>(
    `SELECT json_object(${AS_JSON})::VARCHAR AS entry FROM ${file.table(LEDGER)} l ${rest}`,
    parameters,
  );
  return rows.map(({ entry }) => ledgerEntry(JSON.parse(entry) as LedgerRow));
}
