import type { Attached } from './connect.ts';
import { pendingLoads, uncommittedSql } from './pending.ts';
import type { Draft } from './read.ts';

/** Fills in what the tables hold now; rows that a killed commit may have left are no rows. */
export async function countTables(file: Attached, drafts: readonly Draft[]): Promise<void> {
  const pending = await pendingLoads(file);
  const uncommitted = pending.size === 0 ? '' : await uncommittedSql(file);
  const whole = (table: Draft) =>
    pending.has(table.query.name) && hasKeys(table) ? `_load_id NOT IN (${uncommitted})` : 'true';
  await countRows(file, drafts, whole);
  await countPresent(file, drafts, whole);
}

/** A condition for the rows of a table that count. */
type Whole = (table: Draft) => string;

/** Counts all rows of every table, in one query. */
async function countRows(file: Attached, drafts: readonly Draft[], whole: Whole): Promise<void> {
  const counts = drafts.flatMap((table, id) =>
    table.exists
      ? [`SELECT ${id} AS id, count(*) AS n FROM ${file.table(table.query.name)} WHERE ${whole(table)}`]
      : [],
  );
  if (counts.length === 0) return;
  const rows = await file.connection.rows<{ id: number; n: bigint }>(counts.join(' UNION ALL '));
  for (const { id, n } of rows) {
    const table = drafts[id];
    if (table !== undefined) table.rows = Number(n);
  }
}

/** Counts the rows of each key at or after `detailFrom`, in one query; a key that the ledger knows and the table lacks has 0. */
async function countPresent(file: Attached, drafts: readonly Draft[], whole: Whole): Promise<void> {
  const parameters: Record<string, string> = {};
  const counts = drafts.flatMap((table, id) => {
    const from = table.query.detailFrom;
    if (!hasKeys(table) || from === undefined) return [];
    parameters[`from${id}`] = from;
    for (const [key, state] of table.states) if (state.periodDate >= from) table.present.set(key, 0);
    return [
      `SELECT ${id} AS id, _period_key AS key, count(*) AS n FROM ${file.table(table.query.name)}
       WHERE _period_date >= CAST($from${id} AS DATE) AND ${whole(table)} GROUP BY _period_key`,
    ];
  });
  if (counts.length === 0) return;
  const rows = await file.connection.rows<{ id: number; key: string; n: bigint }>(
    counts.join(' UNION ALL '),
    parameters,
  );
  for (const { id, key, n } of rows) drafts[id]?.present.set(key, Number(n));
}

/** Whether there is something to count by: a table that is not ours has no keys. */
function hasKeys(table: Draft): boolean {
  const names = new Set(table.columns.map(({ name }) => name));
  return ['_period_key', '_period_date', '_load_id'].every((name) => names.has(name));
}
