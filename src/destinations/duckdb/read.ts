import type { KeyState, TableColumn, TableState } from '../../core/words.ts';
import type { Orphan, Reading, TableQuery } from '../destination.ts';
import type { Attached } from './connect.ts';
import { countTables } from './count.ts';
import { holdsByKeys, keysInTable } from './holds.ts';
import { type Neighbourhood, readLedger } from './read-ledger.ts';
import { LEDGER, type Relation, relations } from './schema.ts';

/** A TableState while it is being filled. */
export interface Draft extends TableState {
  readonly query: TableQuery;
  rows: number;
  ledgerRows: number;
  holds: TableState['holds'];
  readonly columns: readonly TableColumn[];
  readonly states: Map<string, KeyState>;
  readonly present: Map<string, number>;
  readonly firstPlanned: Map<string, string>;
  readonly answerMs: Map<string, number>;
  readonly instances: string[];
}

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

/** What is read where there is no file. */
export function nothing(queries: readonly TableQuery[]): Reading {
  return { tables: finished(queries.map((query) => draft(query, undefined))), others: [] };
}

function finished(drafts: readonly Draft[]): ReadonlyMap<string, TableState> {
  return new Map(drafts.map(({ query, ...state }) => [query.name, state]));
}

function draft(query: TableQuery, columns: readonly TableColumn[] | undefined): Draft {
  return {
    query,
    exists: columns !== undefined,
    rows: 0,
    ledgerRows: 0,
    holds: undefined,
    columns: columns ?? [],
    states: new Map(),
    present: new Map(),
    firstPlanned: new Map(),
    answerMs: new Map(),
    instances: [],
  };
}
