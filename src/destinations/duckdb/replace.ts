import { ExportdError } from '../../core/errors.ts';
import type { LedgerEntry } from '../../core/words.ts';
import { quoteText } from '../../duckdb/engine.ts';
import { type Batch, expectedRows } from '../destination.ts';
import { DELETING_OUTCOMES } from '../ledger.ts';
import { appendEntries, bindEntries, ENTRIES, selectEntries } from './append.ts';
import type { Attached } from './connect.ts';
import { markPending, unmarkPending } from './pending.ts';
import { LEDGER, relations, stateSql } from './schema.ts';

/** See Destination.replace: the batch's keys replaced and its ledger rows appended, in one transaction. */
export async function replace(file: Attached, batch: Batch): Promise<readonly LedgerEntry[]> {
  const { entries, insert, table } = batch;
  await requirePrepared(file, table.name);
  await bindEntries(file, entries);
  const before = await committed(file, entries);
  if (before.length > 0) return before;

  if (insert.length > 0) await markPending(file, table.name, insert);
  await file.connection.run('BEGIN');
  await vacuumBy(file, await deleteKeys(file, batch));
  const inserted = await insertRows(file, batch);
  const expected = expectedRows(batch);
  if (inserted !== expected) {
    throw new ExportdError(
      'COMMIT_FAILED',
      `table ${table.name}: ${inserted} rows arrived of ${expected} that were staged; nothing was changed`,
      { scope: 'table' },
    );
  }
  await appendEntries(file, appendable(file, entries));
  if (insert.length > 0) await unmarkPending(file, insert);
  await file.connection.run('COMMIT');
  return await committed(file, entries);
}

async function requirePrepared(file: Attached, name: string): Promise<void> {
  const existing = await relations(file, [name, LEDGER]);
  if (existing.has(name) && existing.has(LEDGER)) return;
  throw new ExportdError('COMMIT_FAILED', `table ${name} or the ledger is gone: somebody dropped it during the run`, {
    scope: 'table',
    hint: 'The next run makes it again and loads what it held.',
  });
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

/** Returns how many rows went. */
async function deleteKeys(file: Attached, batch: Batch): Promise<number> {
  const deleting = batch.entries.filter(({ outcome }) => DELETING_OUTCOMES.some((known) => known === outcome));
  if (deleting.length === 0) return 0;
  const dates = new Set([...batch.dates, ...deleting.map((entry) => entry.periodDate)]);
  const [answer] = await file.connection.rows<{ Count: bigint }>(
    `DELETE FROM ${file.table(batch.table.name)}
     WHERE _period_date IN (SELECT unnest(from_json($dates, '["DATE"]')))
       AND _period_key IN (SELECT period_key FROM ${ENTRIES} WHERE outcome IN (${DELETING_OUTCOMES.map(quoteText).join(', ')}))`,
    { dates: JSON.stringify([...dates]) },
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

async function insertRows(file: Attached, { staged, table, insert }: Batch): Promise<number> {
  if (staged === undefined || insert.length === 0) return 0;
  const [answer] = await file.connection.rows<{ Count: bigint }>(
    `INSERT INTO ${file.table(table.name)} BY NAME
     SELECT * FROM read_parquet($path)
     WHERE _load_id IN (SELECT unnest(from_json($insert, '["VARCHAR"]')))`,
    { path: staged.file.path, insert: JSON.stringify(insert) },
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
