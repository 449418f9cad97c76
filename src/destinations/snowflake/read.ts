import type { Instant, PeriodKey } from '../../core/words.ts';
import type { Orphan, Reading, TableQuery } from '../destination.ts';
import { draft, finished, hasKeys } from '../draft.ts';
import { holdsByKeys } from '../holds.ts';
import type { Neighbourhood } from '../neighbourhood.ts';
import { hear } from '../said.ts';
import { lookUp } from './catalog.ts';
import { keysSql, readSql } from './read-sql.ts';
import { LEDGER } from './schema.ts';
import type { Session } from './session.ts';

/** Tables that one statement asks for: Snowflake compiles what is longer for longer than it runs. */
const TABLES_AT_ONCE = 200;

/** A reading, and when the ledger's newest row was written. */
export interface ReadingOf extends Reading {
  readonly newest: Instant | undefined;
}

/** See Destination.read: one question to the catalog, and one query for all that the ledger says and the tables hold. */
export async function read(
  session: Session,
  queries: readonly TableQuery[],
  neighbours: Neighbourhood,
  signal: AbortSignal,
): Promise<ReadingOf> {
  const there = await lookUp(session, 'read', [LEDGER, ...queries.map(({ name }) => name)], signal);
  const drafts = queries.map((asked) => draft(asked, there.get(asked.name)?.columns));
  const ledger = there.get(LEDGER);
  const columns = ledger && new Set(ledger.columns.map(({ name }) => name));
  const unasked: Orphan[] = [];
  let newest: Instant | undefined;
  for (let first = 0; first === 0 || first < drafts.length; first += TABLES_AT_ONCE) {
    const asked = drafts.slice(first, first + TABLES_AT_ONCE).map((table, at) => ({
      id: first + at,
      name: table.query.name,
      detailFrom: table.query.detailFrom,
      table: table.exists ? session.table(table.query.name) : undefined,
      hasKeys: hasKeys(table),
    }));
    const sql = readSql(columns && { table: session.table(LEDGER), columns }, asked, neighbours);
    if (sql === undefined) continue;
    const { rows } = await session.run({ sql, purpose: 'read' }, signal);
    const heard = await hear(rows, drafts, () => false);
    unasked.push(...heard.others);
    newest = heard.newest;
  }
  for (const table of drafts) {
    if (table.holds === undefined && table.rows > 0 && hasKeys(table)) {
      table.holds = holdsByKeys(await keysInTable(session, table.query.name, signal));
    }
  }
  const names = new Set(queries.map(({ name }) => name));
  const others = unasked.filter(({ table }) => !names.has(table));
  const orphans = await lookUp(
    session,
    'read',
    others.map(({ table }) => table),
    signal,
  );
  return { tables: finished(drafts), others: others.filter(({ table }) => orphans.has(table)), newest };
}

export async function keysInTable(session: Session, table: string, signal?: AbortSignal): Promise<PeriodKey[]> {
  const { rows } = await session.run({ sql: keysSql(session.table(table)), purpose: 'read' }, signal);
  return rows.map(([key]) => key ?? '');
}
