import { countFromNothing, type Draft, hasKeys } from '../draft.ts';
import { idsInBatches } from './batches.ts';
import type { Attached } from './connect.ts';
import { pendingTables, uncommittedSql } from './pending.ts';
import type { Relations } from './schema.ts';

/**
 * Fills in what the tables hold now: the totals, and the keys at or after `detailFrom`. Rows that a killed commit may
 * have left are no rows. The scans of many tables are put together before they are counted.
 */
export async function countTables(file: Attached, existing: Relations, drafts: readonly Draft[]): Promise<void> {
  const pending = new Set(await pendingTables(file, existing));
  const rows = (table: Draft) =>
    pending.has(table.query.name) && hasKeys(table)
      ? `(SELECT * FROM ${file.table(table.query.name)} WHERE _load_id NOT IN (${uncommittedSql(file, existing)}))`
      : file.table(table.query.name);
  for (const [first, last] of idsInBatches(drafts)) {
    const tables = drafts.slice(first, last + 1);
    await countRows(file, tables, rows);
    await countPresent(file, tables, rows);
  }
}

/** A table's rows that count, as something to select from. */
type RowsOf = (table: Draft) => string;

async function countRows(file: Attached, tables: readonly Draft[], rows: RowsOf): Promise<void> {
  const scans = tables.flatMap((table, id) => (table.exists ? [`SELECT ${id} AS id FROM ${rows(table)}`] : []));
  if (scans.length === 0) return;
  const counts = await file.connection.rows<{ id: number; n: bigint }>(
    `SELECT id, count(*) AS n FROM (${scans.join(' UNION ALL ')}) GROUP BY id`,
  );
  for (const { id, n } of counts) {
    const table = tables[id];
    if (table !== undefined) table.rows = Number(n);
  }
}

/** A key that the ledger knows and the table lacks has 0. */
async function countPresent(file: Attached, tables: readonly Draft[], rows: RowsOf): Promise<void> {
  const parameters: Record<string, string> = {};
  const scans = tables.flatMap((table, id) => {
    const from = table.query.detailFrom;
    if (!hasKeys(table) || from === undefined) return [];
    countFromNothing(table);
    parameters[`from${id}`] = from;
    return [
      `SELECT ${id} AS id, _period_key FROM ${rows(table)}
       WHERE _period_date >= CAST($from${id} AS DATE) AND _period_key IS NOT NULL`,
    ];
  });
  if (scans.length === 0) return;
  const counts = await file.connection.rows<{ id: number; present: string }>(
    `SELECT id, '[' || string_agg(json_array(key, n)::VARCHAR, ',') || ']' AS present
     FROM (SELECT id, _period_key AS key, count(*) AS n FROM (${scans.join(' UNION ALL ')}) GROUP BY ALL) GROUP BY id`,
    parameters,
  );
  for (const { id, present } of counts) {
    for (const [key, n] of JSON.parse(present) as [key: string, n: number][]) tables[id]?.present.set(key, n);
  }
}
