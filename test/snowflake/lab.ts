/** A schema with one prepared table, and batches for it. */
import { inject } from 'vitest';
import type { LedgerEntry, LocalDate } from '../../src/core/words.ts';
import type { Batch, Destination } from '../../src/destinations/destination.ts';
import { DEADLINES } from '../../src/destinations/snowflake/session.ts';
import { COLUMNS, tableSpec } from '../contract/entries.ts';
import { batchOf, SIGNAL } from '../contract/lab.ts';
import { type EmulatedWarehouse, snowflakeWarehouse } from './warehouse.ts';

export { refusal, SIGNAL } from '../contract/lab.ts';

/** For tests of what does not answer: each long enough for an answer. */
export const SHORT = { ...DEADLINES, connect: 3_000, statement: 3_000, load: 3_000, commit: 3_000 };

export interface Lab extends EmulatedWarehouse {
  readonly destination: Destination;
  /** A staged batch of one period: as many rows as names. */
  batch(date: LocalDate, names: readonly string[], change?: Partial<LedgerEntry>): Promise<Batch>;
  /** `date name` of every row, and how many ledger rows there are. */
  now(): Promise<{ rows: string[]; ledger: number }>;
  /** Tables and files that a batch left on its way. */
  leftovers(): Promise<{ tables: string[]; files: string[] }>;
}

export async function openLab(): Promise<Lab> {
  const warehouse = await snowflakeWarehouse(emulatorUrl());
  const destination = warehouse.openWith({ deadlines: SHORT });
  await destination.prepare(tableSpec(), COLUMNS, SIGNAL);
  await destination.read([], SIGNAL);
  warehouse.proxy.seen.length = 0;
  return {
    ...warehouse,
    destination,
    batch: (date, names, change) => batchOf(warehouse, date, names, change),
    async now() {
      warehouse.proxy.fault = () => undefined;
      const rows = await warehouse.sql(
        `SELECT TO_VARCHAR(_period_date, 'YYYY-MM-DD') AS d, user_id AS u FROM ${warehouse.table('users_daily')} ORDER BY d, u`,
      );
      const [ledger] = await warehouse.sql(`SELECT COUNT(*) AS n FROM ${warehouse.table('_exportd_loads')}`);
      return { rows: rows.map(({ d, u }) => `${d} ${u}`), ledger: Number(ledger?.n) };
    },
    async leftovers() {
      const { database, schema } = warehouse.place;
      const tables = await warehouse.sql(
        `SELECT table_name AS name FROM ${database}.INFORMATION_SCHEMA.TABLES
         WHERE table_schema = '${schema.toUpperCase()}' AND STARTSWITH(table_name, '_EXPORTD_STAGING_') ORDER BY name`,
      );
      const files = await warehouse.sql(`LIST @${warehouse.table('_exportd_stage')}/`);
      return { tables: tables.map(({ name }) => String(name)), files: files.map(({ name }) => String(name)) };
    },
  };
}

/** These tests plant faults, which Snowflake itself has no place for. */
export function emulatorUrl(): string {
  const url = inject('snowflake');
  if (url === undefined) throw new Error('this test needs the emulator: unset SNOWFLAKE_ACCOUNT');
  return url;
}
