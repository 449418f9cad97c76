import { randomUUIDv7 } from 'node:crypto';
import type { Column, TableSpec } from '../../core/words.ts';
import type { Prepared } from '../destination.ts';
import { type Holds, holdsOf, type Identity } from '../holds.ts';
import { METADATA } from '../metadata.ts';
import { refuseForeign, refuseOther } from '../refusals.ts';
import { BigQueryFailure, kindOf } from './failure.ts';
import { query } from './queries.ts';
import { keysInTable } from './read.ts';
import type { DatasetResource, TableResource } from './resources.ts';
import {
  addColumnsSql,
  columnsOf,
  dataTable,
  LEDGER,
  LEDGER_TABLE,
  ledgerTable,
  lockOf,
  lockSql,
  NATIVE_TYPES,
  STATE_VIEW,
  seedSql,
  stateView,
} from './schema.ts';
import { datasetPath, getDataset, getTable, type Session } from './session.ts';
import { named, type Statement, scalar } from './sql.ts';
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

/**
 * See Destination.prepare. Each step is safe to repeat; none is part of a transaction, which BigQuery refuses. Of a table
 * that is there it costs a few requests that are free, and no query where `holds` is known.
 */
export async function prepare(session: Session, wanted: Preparing): Promise<Prepared> {
  const { table, columns, signal } = wanted;
  await ensureDatasets(session, signal);
  const [ledger, view, lock, existing] = await Promise.all(
    [LEDGER, STATE_VIEW, lockOf(table.name), table.name].map((name) => getTable(session, name, signal)),
  );
  const added = await ensureLedger(session, ledger, signal);
  if (view === undefined || added) await makeView(session, view !== undefined, signal);
  await ensureLock(session, table.name, lock, signal);
  if (existing === undefined) {
    const again = ledger !== undefined && (await everLoaded(session, table.name, signal));
    if (again) await query(session, 'prepare', resetStatement(session, table.name, wanted.instance), signal);
    const wish = dataTable(session, table, columns);
    const made = await makeTable(session, wish, signal);
    return { made: again ? 'again' : 'new', warnings: await withoutExpiration(session, wish, made, signal) };
  }
  const isInstead = existing.type === undefined || existing.type === 'TABLE' ? undefined : kindName(existing.type);
  const there = { isInstead, columns: columnsOf(existing) };
  refuseForeign(table.name, there, columns, NATIVE_TYPES);
  const holds = wanted.holds ?? (ledger && (await holdsNow(session, table.name, signal)));
  await refuseOther(table, holds, () => keysInTable(session, table.name, signal));
  await addColumns(session, table.name, there.columns, [...columns, ...METADATA], signal);
  return { made: undefined, warnings: expiryWarning(existing) };
}

/** Ledger and view; for notes, which need no table. */
export async function prepareLedger(session: Session, signal: AbortSignal): Promise<void> {
  await ensureDatasets(session, signal);
  const [ledger, view] = await Promise.all([LEDGER, STATE_VIEW].map((name) => getTable(session, name, signal)));
  const added = await ensureLedger(session, ledger, signal);
  if (view === undefined || added) await makeView(session, view !== undefined, signal);
}

/** Makes what is missing, in the location of the destination. */
async function ensureDatasets(session: Session, signal: AbortSignal): Promise<void> {
  const { place, service, settings, location, dataset } = session;
  const make = async (datasetId: string) => {
    const body: DatasetResource = {
      datasetReference: { projectId: place.project, datasetId },
      location,
      labels: settings.labels,
    };
    await unlessThere(service.send({ method: 'POST', path: `/projects/${place.project}/datasets`, body }, signal));
  };
  if (dataset === undefined) await make(place.dataset);
  if (place.stagingDataset === place.dataset) return;
  const staging = await getDataset(service, place.project, place.stagingDataset, signal);
  if (staging === undefined) await make(place.stagingDataset);
}

/** Returns whether the ledger was there and got new columns. */
async function ensureLedger(
  session: Session,
  ledger: TableResource | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (ledger !== undefined) return await addColumns(session, LEDGER, columnsOf(ledger), LEDGER_TABLE, signal);
  const wish = ledgerTable(session);
  await withoutExpiration(session, wish, await makeTable(session, wish, signal), signal);
  return false;
}

async function makeView(session: Session, isThere: boolean, signal: AbortSignal): Promise<void> {
  const view = stateView(session);
  if (!isThere) {
    await makeTable(session, view, signal);
    return;
  }
  const path = tablePath(session, STATE_VIEW);
  await session.service.send({ method: 'PATCH', path, body: { view: view.view } }, signal);
}

async function ensureLock(
  session: Session,
  table: string,
  lock: TableResource | undefined,
  signal: AbortSignal,
): Promise<void> {
  const name = session.table(lockOf(table));
  if (lock === undefined) {
    await query(session, 'prepare', { sql: lockSql(name), parameters: [] }, signal);
    await withoutExpiration(session, undefined, await getTable(session, lockOf(table), signal), signal);
  } else if (lock.numRows === '0') await query(session, 'prepare', { sql: seedSql(name), parameters: [] }, signal);
}

/** Undefined where another process made it first. */
async function makeTable(
  { service, place }: Session,
  body: TableResource,
  signal: AbortSignal,
): Promise<TableResource | undefined> {
  const path = `${datasetPath(place.project, place.dataset)}/tables`;
  return await unlessThere(service.send<TableResource>({ method: 'POST', path, body }, signal));
}

/** One statement for all new columns; returns whether there were any. */
async function addColumns(
  session: Session,
  table: string,
  there: readonly { readonly name: string }[],
  wanted: readonly Column[],
  signal: AbortSignal,
): Promise<boolean> {
  const known = new Set(there.map(({ name }) => name));
  const added = wanted.filter(({ name }) => !known.has(name));
  if (added.length === 0) return false;
  await query(session, 'prepare', { sql: addColumnsSql(session.table(table), added), parameters: [] }, signal);
  return true;
}

/** A dataset's default expiration would drop tables, or their oldest partitions, that the ledger says are there. */
async function withoutExpiration(
  session: Session,
  wish: TableResource | undefined,
  made: TableResource | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const partitions = made?.timePartitioning;
  const expires = made?.expirationTime != null;
  const thins = partitions?.expirationMs != null && partitions.expirationMs !== wish?.timePartitioning?.expirationMs;
  if (made === undefined || (!expires && !thins)) return [];
  const body: Partial<TableResource> = {
    ...(expires ? { expirationTime: null } : {}),
    ...(thins ? { timePartitioning: { ...partitions, expirationMs: null } } : {}),
  };
  const name = made.tableReference.tableId;
  await session.service.send({ method: 'PATCH', path: tablePath(session, name), body }, signal);
  return [`dataset ${session.place.dataset} has a default expiration: table ${name} was made without it`];
}

/** Somebody gave it one. */
function expiryWarning({ expirationTime, tableReference: { tableId } }: TableResource): string[] {
  if (expirationTime === undefined || expirationTime === null) return [];
  const at = new Date(Number(expirationTime)).toISOString().slice(0, 10);
  return [`table ${tableId} expires on ${at}: BigQuery will drop it, and every period is loaded anew`];
}

async function everLoaded(session: Session, table: string, signal: AbortSignal): Promise<boolean> {
  const sql = `SELECT 1 AS found FROM ${session.table(LEDGER)} WHERE table_name = @table AND outcome IN (${STATES_SQL}) LIMIT 1`;
  const rows = await query(session, 'prepare', { sql, parameters: [scalar('table', 'STRING', table)] }, signal);
  return rows.length > 0;
}

/** Voids every earlier row of a table that somebody dropped. */
function resetStatement(session: Session, table: string, instance: string): Statement {
  return {
    sql: `INSERT INTO ${session.table(LEDGER)} (load_id, instance, table_name, outcome, loaded_at)
VALUES (@load, @instance, @table, 'reset', CURRENT_TIMESTAMP())`,
    parameters: [
      scalar('load', 'STRING', randomUUIDv7()),
      scalar('instance', 'STRING', instance),
      scalar('table', 'STRING', table),
    ],
  };
}

/** What the ledger says the table holds. */
async function holdsNow(session: Session, table: string, signal: AbortSignal): Promise<Holds | undefined> {
  const sql = `SELECT TO_JSON_STRING(STRUCT(${named(['data_type', 'group_by', 'grain', 'span', 'source', 'timezone'])})) AS said
FROM (${stateSql(session.table(LEDGER), 'l.table_name = @table')}) ORDER BY loaded_at DESC LIMIT 1`;
  const rows = await query(session, 'prepare', { sql, parameters: [scalar('table', 'STRING', table)] }, signal);
  return holdsOf(rows.map(([said]) => JSON.parse(said ?? '{}') as Identity));
}

function tablePath({ place }: Session, table: string): string {
  return `${datasetPath(place.project, place.dataset)}/tables/${table}`;
}

function kindName(type: string): string {
  return type === 'VIEW' ? 'a view' : `a ${type.toLowerCase().replaceAll('_', ' ')}`;
}

async function unlessThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof BigQueryFailure && kindOf(error) === 'exists') return undefined;
    throw error;
  }
}
