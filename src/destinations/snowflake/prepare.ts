import { randomUUIDv7 } from 'node:crypto';
import type { Column, TableSpec } from '../../core/words.ts';
import type { Prepared } from '../destination.ts';
import { type Holds, holdsOf, type Identity } from '../holds.ts';
import { METADATA } from '../metadata.ts';
import { type Existing, refuseForeign, refuseOther } from '../refusals.ts';
import { lookUp } from './catalog.ts';
import { keysInTable } from './read.ts';
import {
  addColumnsSql,
  createLedgerSql,
  createLockSql,
  createStageSql,
  createTableSql,
  createViewSql,
  LEDGER,
  LEDGER_TABLE,
  lockOf,
  NATIVE_TYPES,
  STAGE,
  STATE_VIEW,
  seedLockSql,
} from './schema.ts';
import type { Session } from './session.ts';
import { jsonObject, quoteText } from './sql.ts';
import { STATES_SQL, stateSql } from './state-sql.ts';

export interface Preparing {
  readonly table: TableSpec;
  readonly columns: readonly Column[];
  /** Ours, for a `reset` row. */
  readonly instance: string;
  /** What this process read in the ledger of the table; undefined: it is asked for. */
  readonly holds: Holds | undefined;
  readonly signal: AbortSignal;
}

/** See Destination.prepare. Each step is safe to repeat; none is part of a transaction, which Snowflake commits at DDL. */
export async function prepare(session: Session, wanted: Preparing): Promise<Prepared> {
  const { table, columns, signal } = wanted;
  const { name } = table;
  const there = await lookUp(session, 'prepare', [LEDGER, STATE_VIEW, lockOf(name), name], signal);
  const ledger = there.get(LEDGER);
  await ensureLedger(session, there, signal);
  const lock = session.table(lockOf(name));
  await say(session, there.has(lockOf(name)) ? seedLockSql(lock) : createLockSql(lock), signal);
  await say(session, createStageSql(session.table(STAGE)), signal);
  const existing = there.get(name);
  if (existing === undefined) {
    const again = ledger !== undefined && (await everLoaded(session, name, signal));
    if (again) await say(session, resetSql(session, name, wanted.instance), signal);
    await say(session, createTableSql(session.table(name), table, columns, session.settings), signal);
    return { made: again ? 'again' : 'new', warnings: [] };
  }
  refuseForeign(name, existing, columns, NATIVE_TYPES);
  const holds = wanted.holds ?? (ledger && (await holdsNow(session, name, signal)));
  await refuseOther(table, holds, () => keysInTable(session, name, signal));
  await addColumns(session, name, existing, [...columns, ...METADATA], signal);
  return { made: undefined, warnings: [] };
}

/** Ledger and view; for notes, which need no table. */
export async function prepareLedger(session: Session, signal: AbortSignal): Promise<void> {
  await ensureLedger(session, await lookUp(session, 'prepare', [LEDGER, STATE_VIEW], signal), signal);
}

async function ensureLedger(
  session: Session,
  there: ReadonlyMap<string, Existing>,
  signal: AbortSignal,
): Promise<void> {
  const ledger = there.get(LEDGER);
  const isAltered = ledger !== undefined && (await addColumns(session, LEDGER, ledger, LEDGER_TABLE, signal));
  if (ledger === undefined) await say(session, createLedgerSql(session.table(LEDGER)), signal);
  if (there.has(STATE_VIEW) && !isAltered) return;
  await say(session, createViewSql(session.table(STATE_VIEW), session.table(LEDGER)), signal);
}

/** One statement for all new columns; returns whether there were any. */
async function addColumns(
  session: Session,
  table: string,
  there: Existing,
  wanted: readonly Column[],
  signal: AbortSignal,
): Promise<boolean> {
  const known = new Set(there.columns.map(({ name }) => name));
  const added = wanted.filter(({ name }) => !known.has(name));
  if (added.length === 0) return false;
  await say(session, addColumnsSql(session.table(table), added), signal);
  return true;
}

async function everLoaded(session: Session, table: string, signal: AbortSignal): Promise<boolean> {
  const sql = `SELECT 1 AS found FROM ${session.table(LEDGER)} WHERE table_name = ${quoteText(table)} AND outcome IN (${STATES_SQL}) LIMIT 1`;
  return (await say(session, sql, signal)).length > 0;
}

/** Voids every earlier row of a table that somebody dropped. */
function resetSql(session: Session, table: string, instance: string): string {
  const values = [randomUUIDv7(), instance, table, 'reset'].map(quoteText).join(', ');
  return `INSERT INTO ${session.table(LEDGER)} (load_id, instance, table_name, outcome, loaded_at)
SELECT ${values}, CURRENT_TIMESTAMP()`;
}

/** What the ledger says the table holds. */
async function holdsNow(session: Session, table: string, signal: AbortSignal): Promise<Holds | undefined> {
  const names = ['data_type', 'group_by', 'grain', 'span', 'source', 'timezone'];
  const identity = jsonObject(Object.fromEntries(names.map((name) => [name, name])));
  const sql = `SELECT TO_JSON(${identity}) AS said
FROM (${stateSql(session.table(LEDGER), `l.table_name = ${quoteText(table)}`)}) ORDER BY loaded_at DESC LIMIT 1`;
  const rows = await say(session, sql, signal);
  return holdsOf(rows.map(([said]) => JSON.parse(said ?? '{}') as Identity));
}

async function say(session: Session, sql: string, signal: AbortSignal) {
  return (await session.run({ sql, purpose: 'prepare' }, signal)).rows;
}
