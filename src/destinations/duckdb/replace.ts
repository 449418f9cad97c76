import type { LedgerEntry, LoadId, LocalDate, PeriodKey, TableSpec } from '../../core/words.ts';
import { type Parameters, quoteText } from '../../duckdb/engine.ts';
import type { Landing, Staged } from '../../staging/staged.ts';
import { type Batch, expectedRows } from '../destination.ts';
import { DELETING_OUTCOMES } from '../ledger.ts';
import { countDiffers, tableGone } from '../refusals.ts';
import { appendEntries, bindEntries, ENTRIES, selectEntries } from './append.ts';
import type { Attached } from './connect.ts';
import { markPending, unmarkPending } from './pending.ts';
import { LEDGER, relations, stateSql } from './schema.ts';

/** See Destination.replace: the batch's keys replaced and its ledger rows appended, in one transaction. */
export async function replace(file: Attached, batch: Batch): Promise<readonly LedgerEntry[]> {
  const { entries, insert, table, staged } = batch;
  await requirePrepared(file, table.name);
  await bindEntries(file, entries);
  const before = await committed(file, entries);
  if (before.length > 0) return before;

  if (insert.length > 0) await markPending(file, table.name, insert);
  await file.connection.run('BEGIN');
  await vacuumBy(file, await deleteKeys(file, batch));
  const inserted = staged === undefined ? 0 : await insertStaged(file, table.name, staged, insert);
  await commit(file, batch, inserted);
  return await committed(file, entries);
}

/** See Destination.replaceFrom. */
export async function replaceFrom(
  file: Attached,
  table: TableSpec,
  fill: (landing: Landing) => Promise<Batch | undefined>,
): Promise<boolean> {
  await requirePrepared(file, table.name);
  const pending: LoadId[] = [];
  let inserted = 0;
  const landing: Landing = {
    connection: file.connection,
    async put(loads, rows, parameters) {
      pending.push(...loads.map(({ loadId }) => loadId));
      await markPending(file, table.name, pending);
      await file.connection.run('BEGIN');
      const keys = loads.map(({ period }) => period.key);
      const deleted = await deleteRows(file, table.name, keys, new Set(loads.map(({ period }) => period.date)));
      await vacuumBy(file, deleted);
      inserted = await insertRows(file, table.name, rows, parameters);
    },
    rows() {
      const ids = pending.toSorted();
      // The bounds beside the list let DuckDB pass over every row group that is older.
      return `${file.table(table.name)} WHERE _load_id BETWEEN ${quoteText(ids[0] ?? '')} AND ${quoteText(ids.at(-1) ?? '')}
        AND _load_id IN (${ids.map(quoteText).join(', ')})`;
    },
  };
  const batch = await fill(landing);
  if (batch === undefined) {
    await file.connection.run('ROLLBACK');
    await unmarkPending(file, pending);
    return false;
  }
  await deleteKeys(file, { ...batch, entries: batch.entries.filter(({ loadId }) => !batch.insert.includes(loadId)) });
  await bindEntries(file, batch.entries);
  await commit(file, batch, inserted);
  return true;
}

/** The end of the transaction: nothing lands unless just the rows that were staged arrived. */
async function commit(file: Attached, batch: Batch, inserted: number): Promise<void> {
  const { entries, insert, table } = batch;
  const expected = expectedRows(batch);
  if (inserted !== expected) throw countDiffers(table.name, inserted, expected);
  await appendEntries(file, appendable(file, entries));
  if (insert.length > 0) await unmarkPending(file, insert);
  await file.connection.run('COMMIT');
}

async function requirePrepared(file: Attached, name: string): Promise<void> {
  const existing = await relations(file, [name, LEDGER]);
  if (existing.has(name) && existing.has(LEDGER)) return;
  throw tableGone(name);
}

/** The batch's entries as the ledger has them, in the batch's order; none where the batch was never committed. */
async function committed(file: Attached, entries: readonly LedgerEntry[]): Promise<readonly LedgerEntry[]> {
  const rows = await selectEntries(file, `WHERE l.load_id IN (SELECT load_id FROM ${ENTRIES})`, {});
  const loadedAt = new Map(rows.map((row) => [row.loadId, row.loadedAt]));
  return entries.flatMap((entry) => {
    const at = loadedAt.get(entry.loadId);
    return at === undefined ? [] : [{ ...entry, loadedAt: at }];
  });
}

/** Of the batch's entries whose rows go, or are replaced. Returns how many rows went. */
async function deleteKeys(file: Attached, { entries, table, dates }: Batch): Promise<number> {
  const deleting = entries.filter(({ outcome }) => DELETING_OUTCOMES.some((known) => known === outcome));
  const keys = deleting.map(({ periodKey }) => periodKey);
  return await deleteRows(file, table.name, keys, new Set([...dates, ...deleting.map(({ periodDate }) => periodDate)]));
}

/** Returns how many rows went. */
async function deleteRows(
  file: Attached,
  table: string,
  keys: readonly (PeriodKey | null)[],
  dates: ReadonlySet<LocalDate>,
): Promise<number> {
  if (keys.length === 0) return 0;
  const [answer] = await file.connection.rows<{ Count: bigint }>(
    `DELETE FROM ${file.table(table)}
     WHERE _period_date IN (SELECT unnest(from_json($dates, '["DATE"]')))
       AND _period_key IN (SELECT unnest(from_json($keys, '["VARCHAR"]')))`,
    { dates: JSON.stringify([...dates]), keys: JSON.stringify(keys) },
  );
  return Number(answer?.Count ?? 0);
}

/**
 * How much the checkpoint that closes the file may rewrite. Merging row groups takes half the time of a backfill, and
 * there is nothing to win by it where nothing was deleted; where rows were, one merge a commit keeps the file small.
 */
async function vacuumBy(file: Attached, deleted: number): Promise<void> {
  await file.connection.run(`SET GLOBAL max_vacuum_tasks = ${deleted === 0 ? 0 : 1}`);
}

async function insertStaged(
  file: Attached,
  table: string,
  { file: { path } }: Staged,
  insert: readonly LoadId[],
): Promise<number> {
  if (insert.length === 0) return 0;
  const rows = `SELECT * FROM read_parquet($path) WHERE _load_id IN (SELECT unnest(from_json($insert, '["VARCHAR"]')))`;
  return await insertRows(file, table, rows, { path, insert: JSON.stringify(insert) });
}

async function insertRows(
  file: Attached,
  table: string,
  rows: string,
  parameters: Parameters | undefined,
): Promise<number> {
  const [answer] = await file.connection.rows<{ Count: bigint }>(
    `INSERT INTO ${file.table(table)} BY NAME ${rows}`,
    parameters,
  );
  return Number(answer?.Count ?? 0);
}

/** Which entries `e` go in: all, but `unchanged` only where the rows that it stands for are still those of its key. */
function appendable(file: Attached, entries: readonly LedgerEntry[]): string {
  if (entries.every((entry) => entry.outcome !== 'unchanged')) return 'true';
  const compared = `l.table_name IN (SELECT table_name FROM ${ENTRIES})
    AND l.period_key IN (SELECT period_key FROM ${ENTRIES})`;
  return `(e.outcome <> 'unchanged' OR (e.table_name, e.period_key, e.rows_load_id) IN
    (SELECT (table_name, period_key, rows_load_id) FROM (${stateSql(file.table(LEDGER), compared)})))`;
}
