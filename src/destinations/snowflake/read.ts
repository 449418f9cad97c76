import type { Instant, PeriodKey } from '../../core/words.ts';
import type { Reading, TableQuery } from '../destination.ts';
import { draft, finished, hasKeys } from '../draft.ts';
import { holdsByKeys } from '../holds.ts';
import type { Neighbourhood } from '../neighbourhood.ts';
import { hear } from '../said.ts';
import { lookUp } from './catalog.ts';
import { keysSql, readSql } from './read-sql.ts';
import { LEDGER } from './schema.ts';
import type { Session } from './session.ts';

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
  const sql = readSql(
    ledger && { table: session.table(LEDGER), columns: new Set(ledger.columns.map(({ name }) => name)) },
    drafts.map((table, id) => ({
      id,
      name: table.query.name,
      detailFrom: table.query.detailFrom,
      table: table.exists ? session.table(table.query.name) : undefined,
      hasKeys: hasKeys(table),
    })),
    neighbours,
  );
  if (sql === undefined) return { tables: finished(drafts), others: [], newest: undefined };
  const { rows } = await session.run({ sql, purpose: 'read' }, signal);
  const { others, newest } = await hear(rows, drafts, () => false);
  for (const table of drafts) {
    if (table.holds === undefined && table.rows > 0 && hasKeys(table)) {
      table.holds = holdsByKeys(await keysInTable(session, table.query.name, signal));
    }
  }
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
