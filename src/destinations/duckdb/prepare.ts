import type { Column, TableSpec } from '../../core/words.ts';
import type { Prepared } from '../destination.ts';
import { type Holds, holdsOf, type Identity } from '../holds.ts';
import { METADATA } from '../metadata.ts';
import { refuseForeign, refuseOther } from '../refusals.ts';
import type { Attached } from './connect.ts';
import { keysInTable } from './keys-in-table.ts';
import {
  ensureLedger,
  ensureTable,
  LEDGER,
  LEDGER_RELATIONS,
  loadedAtSql,
  NATIVE_TYPES,
  relations,
  STATES_SQL,
  stateSql,
} from './schema.ts';

/** See Destination.prepare. One transaction: a kill leaves all of it or none. `instance`: ours, for a `reset` row. */
export async function prepare(
  file: Attached,
  table: TableSpec,
  columns: readonly Column[],
  instance: string,
): Promise<Prepared> {
  await file.connection.run('BEGIN');
  const there = await relations(file, [table.name, ...LEDGER_RELATIONS]);
  await ensureLedger(file, there);
  const existing = there.get(table.name);
  let made: Prepared['made'];
  if (existing === undefined) {
    made = (await everLoaded(file, table.name)) ? 'again' : 'new';
    if (made === 'again') await appendReset(file, table.name, instance);
  } else {
    const { isView } = existing;
    refuseForeign(table.name, { ...existing, isInstead: isView ? 'a view' : undefined }, columns, NATIVE_TYPES);
    await refuseOther(table, await holdsNow(file, table.name), () => keysInTable(file, table.name));
  }
  await ensureTable(file, table.name, [...columns, ...METADATA], existing);
  await file.connection.run('COMMIT');
  return { made, warnings: [] };
}

async function everLoaded(file: Attached, table: string): Promise<boolean> {
  const rows = await file.connection.rows(
    `SELECT 1 FROM ${file.table(LEDGER)} WHERE table_name = $table AND outcome IN (${STATES_SQL}) LIMIT 1`,
    { table },
  );
  return rows.length > 0;
}

/** Voids every earlier row of a table that somebody dropped. */
async function appendReset(file: Attached, table: string, instance: string): Promise<void> {
  const ledger = file.table(LEDGER);
  await file.connection.run(
    `INSERT INTO ${ledger} (load_id, instance, table_name, outcome, loaded_at)
     SELECT uuidv7()::VARCHAR, $instance, $table, 'reset', ${loadedAtSql(ledger)}`,
    { instance, table },
  );
}

/** What the ledger says the table holds. */
async function holdsNow(file: Attached, table: string): Promise<Holds | undefined> {
  return holdsOf(
    await file.connection.rows<Identity>(
      `SELECT data_type, group_by, grain, span::INTEGER AS span, source, timezone
       FROM (${stateSql(file.table(LEDGER), 'l.table_name = $table')}) ORDER BY loaded_at DESC LIMIT 1`,
      { table },
    ),
  );
}
