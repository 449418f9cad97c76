import type { Instant, LocalDate, PeriodKey } from '../../core/words.ts';
import type { Orphan, Reading, TableQuery } from '../destination.ts';
import { draft, finished, hasKeys } from '../draft.ts';
import { holdsByKeys } from '../holds.ts';
import type { Neighbourhood } from '../neighbourhood.ts';
import { hear } from '../said.ts';
import { query, queryRows } from './queries.ts';
import { keysStatement, readStatement } from './read-sql.ts';
import type { TableResource } from './resources.ts';
import { columnsOf, LEDGER } from './schema.ts';
import { getTable, type Session } from './session.ts';

/** Tables that one statement counts; BigQuery takes a thousand. */
const TABLES_AT_ONCE = 200;

/** Requests for tables at the same time. */
const GETS_AT_ONCE = 16;

/** See Destination.read: what the ledger says and what the tables hold, in one query; rows and columns from tables.get. */
export async function read(
  session: Session,
  queries: readonly TableQuery[],
  neighbours: Neighbourhood,
  now: Instant,
  signal: AbortSignal,
): Promise<Reading> {
  const [ledger, ...tables] = await getTables(session, [LEDGER, ...queries.map(({ name }) => name)], signal);
  const drafts = queries.map((asked, id) => {
    const table = tables[id];
    const made = draft(asked, table && columnsOf(table));
    made.rows = Number(table?.numRows ?? 0);
    return made;
  });
  const orphans: Orphan[] = [];
  for (let first = 0; first === 0 || first < drafts.length; first += TABLES_AT_ONCE) {
    const asked = drafts.slice(first, first + TABLES_AT_ONCE).map((table, at) => ({
      id: first + at,
      name: table.query.name,
      detailFrom: table.query.detailFrom,
      table: hasKeys(table) ? session.table(table.query.name) : undefined,
    }));
    const columns = ledger && new Set(columnsOf(ledger).map(({ name }) => name));
    const statement = readStatement(columns && { table: session.table(LEDGER), columns }, asked, neighbours);
    if (statement === undefined) continue;
    const isGone = (id: number, date: LocalDate) => isExpired(tables[id], date, now);
    orphans.push(...(await hear(queryRows(session, 'read', statement, signal), drafts, isGone)).others);
  }
  for (const table of drafts) {
    if (table.holds === undefined && table.rows > 0 && hasKeys(table)) {
      table.holds = holdsByKeys(await keysInTable(session, table.query.name, signal));
    }
  }
  const asked = new Set(queries.map(({ name }) => name));
  const others = orphans.filter(({ table }) => !asked.has(table));
  const there = await getTables(
    session,
    others.map(({ table }) => table),
    signal,
  );
  return { tables: finished(drafts), others: others.filter((_, at) => there[at] !== undefined) };
}

export async function keysInTable(session: Session, table: string, signal?: AbortSignal): Promise<PeriodKey[]> {
  const rows = await query(session, 'read', keysStatement(session.table(table)), signal);
  return rows.map(([key]) => key ?? '');
}

async function getTables(
  session: Session,
  names: readonly string[],
  signal: AbortSignal,
): Promise<(TableResource | undefined)[]> {
  const found: (TableResource | undefined)[] = [];
  for (let first = 0; first < names.length; first += GETS_AT_ONCE) {
    const some = names.slice(first, first + GETS_AT_ONCE);
    found.push(...(await Promise.all(some.map((name) => getTable(session, name, signal)))));
  }
  return found;
}

/** Whether the partition of a date has passed the table's own partition expiration. */
function isExpired(table: TableResource | undefined, date: LocalDate, now: Instant): boolean {
  const { expirationMs, type } = table?.timePartitioning ?? {};
  if (expirationMs === undefined || expirationMs === null) return false;
  const partition = type === 'MONTH' ? `${date.slice(0, 7)}-01` : date;
  return Date.parse(partition) + Number(expirationMs) <= now;
}
