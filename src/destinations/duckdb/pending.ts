/**
 * The cure for a replay that is not atomic.
 *
 * A bulk insert is written to the file ahead of its commit. Where the process dies inside COMMIT, DuckDB's next open,
 * by anybody, may bring these rows back although the transaction never committed, while its deletes and small inserts
 * are lost (1.5.6; duckdb/duckdb pull request 25931). So a small transaction of its own first writes down which loads
 * are about to be committed; the commit deletes that; and before anything else is written, the rows of whatever load is
 * still written down, and that the ledger does not know, are deleted. Rows of no other load are ever touched.
 */
import type { LoadId } from '../../core/words.ts';
import type { Attached } from './connect.ts';
import { LEDGER, PENDING, type Relations, relations } from './schema.ts';

/** Writes down, durably, that these loads' rows are about to be inserted into the table. */
export async function markPending(file: Attached, table: string, loads: readonly LoadId[]): Promise<void> {
  await file.connection.run(
    `INSERT INTO ${file.table(PENDING)} (load_id, table_name)
     SELECT unnest(from_json($loads, '["VARCHAR"]')), $table`,
    { loads: JSON.stringify(loads), table },
  );
}

/** Part of the transaction that inserts them. */
export async function unmarkPending(file: Attached, loads: readonly LoadId[]): Promise<void> {
  await file.connection.run(
    `DELETE FROM ${file.table(PENDING)} WHERE load_id IN (SELECT unnest(from_json($loads, '["VARCHAR"]')))`,
    { loads: JSON.stringify(loads) },
  );
}

/** The load ids that are written down and that the ledger does not know, as a subquery. */
export function uncommittedSql(file: Attached, existing: Relations): string {
  const uncommitted = existing.has(LEDGER) ? `WHERE load_id NOT IN (SELECT load_id FROM ${file.table(LEDGER)})` : '';
  return `SELECT load_id FROM ${file.table(PENDING)} ${uncommitted}`;
}

/** Tables of this schema in which rows of uncommitted loads may be. */
export async function pendingTables(file: Attached, existing: Relations): Promise<readonly string[]> {
  if (!existing.has(PENDING)) return [];
  const rows = await file.connection.rows<{ name: string }>(
    `SELECT DISTINCT table_name AS name FROM ${file.table(PENDING)}`,
  );
  return rows.map(({ name }) => name);
}

/** Settles what killed commits left behind, in every schema of the file. To be called before anything else is written. */
export async function settlePending(file: Attached): Promise<void> {
  const schemas = await file.connection.rows<{ name: string }>(
    'SELECT schema_name AS name FROM duckdb_tables() WHERE database_name = $catalog AND table_name = $pending',
    { catalog: file.catalog, pending: PENDING },
  );
  for (const { name } of schemas) await settleSchema(file.inSchema(name));
}

async function settleSchema(file: Attached): Promise<void> {
  const pending = file.table(PENDING);
  const [any] = await file.connection.rows(`SELECT 1 FROM ${pending} LIMIT 1`);
  if (any === undefined) return;
  const existing = await relations(file);
  await file.connection.run('BEGIN');
  for (const table of await pendingTables(file, existing)) {
    if (!existing.has(table)) continue;
    await file.connection.run(`DELETE FROM ${file.table(table)} WHERE _load_id IN (${uncommittedSql(file, existing)})`);
  }
  await file.connection.run(`DELETE FROM ${pending}`);
  await file.connection.run('COMMIT');
}
