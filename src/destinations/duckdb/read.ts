import type { Orphan, Reading, TableQuery } from '../destination.ts';
import { draft, finished } from '../draft.ts';
import { holdsByKeys } from '../holds.ts';
import type { Neighbourhood } from '../neighbourhood.ts';
import type { Attached } from './connect.ts';
import { countTables } from './count.ts';
import { keysInTable } from './keys-in-table.ts';
import { readLedger } from './read-ledger.ts';
import { LEDGER, type Relation, relations } from './schema.ts';

/** See Destination.read: what the ledger says, then what the tables hold. */
export async function read(
  file: Attached,
  queries: readonly TableQuery[],
  neighbourhood: Neighbourhood,
): Promise<Reading> {
  const existing = await relations(file);
  const drafts = queries.map((query) => draft(query, existing.get(query.name)?.columns));
  const ledger = existing.get(LEDGER);
  if (await isLong(file, ledger, queries)) await file.connection.useAllCores();
  const others: Orphan[] = ledger === undefined ? [] : await readLedger(file, ledger, drafts, neighbourhood);
  await countTables(file, existing, drafts);
  for (const table of drafts) {
    if (table.holds === undefined && table.rows > 0 && table.columns.some(({ name }) => name === '_period_key')) {
      table.holds = holdsByKeys(await keysInTable(file, table.query.name));
    }
  }
  return {
    tables: finished(drafts),
    others: others.filter((orphan) => existing.has(orphan.table)),
  };
}

/** A ledger with more rows is read on every core. */
const LONG_LEDGER = 1_000_000;

/** Whether what is read takes long enough for more than one core: keys are counted, or the ledger is a long one. */
async function isLong(file: Attached, ledger: Relation | undefined, queries: readonly TableQuery[]): Promise<boolean> {
  if (queries.some(({ detailFrom }) => detailFrom !== undefined)) return true;
  if (ledger === undefined) return false;
  const [counted] = await file.connection.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${file.table(LEDGER)}`);
  return (counted?.n ?? 0n) > LONG_LEDGER;
}
