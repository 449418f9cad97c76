import { reportName } from '../../core/contract.ts';
import { ExportdError } from '../../core/errors.ts';
import { parseKey } from '../../core/period-key.ts';
import type { Column, Grain, Report, TableSpec } from '../../core/words.ts';
import type { Prepared } from '../destination.ts';
import type { Attached } from './connect.ts';
import { holdsByKeys, holdsOf, type Identity, keysInTable } from './holds.ts';
import {
  ensureLedger,
  ensureTable,
  LEDGER,
  LEDGER_RELATIONS,
  loadedAtSql,
  METADATA,
  NATIVE_TYPES,
  type Relation,
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
    refuseForeign(table.name, existing, columns);
    await refuseOther(file, table);
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

/** A table is ours where it has the metadata columns in their types, and ours to fill where we can make its columns' types. */
function refuseForeign(name: string, { isView, columns: existing }: Relation, columns: readonly Column[]): void {
  const hint = 'Use another table, or move this one away.';
  if (isView) throw new ExportdError('TABLE_REFUSED', `${name} is a view`, { scope: 'table', hint });
  const found = new Map(existing.map((column) => [column.name, column]));
  const differences = METADATA.flatMap((column) => {
    const native = NATIVE_TYPES[column.type];
    const there = found.get(column.name)?.native;
    if (there === native) return [];
    return [there === undefined ? `${column.name} is missing` : `${column.name} is ${there}, not ${native}`];
  });
  for (const { name: column, type } of columns) {
    const there = found.get(column);
    if (there !== undefined && there.type === undefined) {
      differences.push(`${column} is ${there.native}, which cannot take ${NATIVE_TYPES[type]}`);
    }
  }
  if (differences.length === 0) return;
  throw new ExportdError('TABLE_REFUSED', `table ${name} is not one of exportd's: ${differences.join('; ')}`, {
    scope: 'table',
    hint,
  });
}

/** A table holds one report, one grain, one span: as the ledger says or, with the ledger gone, as its keys say. */
async function refuseOther(file: Attached, table: TableSpec): Promise<void> {
  const identities = await file.connection.rows<Identity>(
    `SELECT data_type, group_by, grain, span::INTEGER AS span, source, timezone
     FROM (${stateSql(file.table(LEDGER), 'l.table_name = $table')}) ORDER BY loaded_at DESC LIMIT 1`,
    { table: table.name },
  );
  let there = holdsOf(identities);
  if (there === undefined) {
    const keys = await keysInTable(file, table.name);
    if (keys.every((key) => isOf(table, key))) return;
    there = holdsByKeys(keys);
  }
  if (there === undefined) {
    throw new ExportdError('TABLE_REFUSED', `table ${table.name} has rows whose _period_key is none of exportd's`, {
      scope: 'table',
      hint: 'Use another table, or move this one away.',
    });
  }
  const held = contents(there.report, there.grain, there.span);
  const brought = contents(table.report, table.grain, table.span);
  if (held === brought) return;
  throw new ExportdError('TABLE_REFUSED', `table ${table.name} holds ${held}; this job brings ${brought}`, {
    scope: 'table',
    hint: 'Use another table: one table would count usage twice.',
  });
}

/** Whether a key may be one of the table's: many a key is of more than one grid. */
function isOf(table: TableSpec, key: string): boolean {
  const timezone = parseKey(key)?.grid.timezone;
  if (timezone === undefined) return false;
  const period = parseKey(key, { grain: table.grain, span: table.span, timezone });
  return period !== undefined && reportName(period.report) === reportName(table.report);
}

function contents(report: Report, grain: Grain, span: number): string {
  return `${reportName(report)} by ${span === 1 ? grain : `rolling ${span} ${grain}s`}`;
}
