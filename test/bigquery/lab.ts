/** A dataset with one prepared table, and batches for it. */
import { inject } from 'vitest';
import type { LedgerEntry, LocalDate } from '../../src/core/words.ts';
import type { Batch, Destination } from '../../src/destinations/destination.ts';
import { COLUMNS, tableSpec } from '../contract/entries.ts';
import { batchOf, SIGNAL } from '../contract/lab.ts';
import { bigQueryWarehouse, type EmulatedWarehouse } from './warehouse.ts';

export { refusal, SIGNAL } from '../contract/lab.ts';

export interface Lab extends EmulatedWarehouse {
  readonly destination: Destination;
  /** A staged batch of one period: as many rows as names. */
  batch(date: LocalDate, names: readonly string[], change?: Partial<LedgerEntry>): Promise<Batch>;
  /** `date name` of every row, and how many ledger rows there are. */
  now(): Promise<{ rows: string[]; ledger: number }>;
}

export async function openLab(): Promise<Lab> {
  const warehouse = await bigQueryWarehouse(emulatorUrl());
  const destination = warehouse.open();
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
        `SELECT CAST(_period_date AS STRING) AS d, user_id AS u FROM ${warehouse.table('users_daily')} ORDER BY d, u`,
      );
      const [ledger] = await warehouse.sql(`SELECT COUNT(*) AS n FROM ${warehouse.table('_exportd_loads')}`);
      return { rows: rows.map(({ d, u }) => `${d} ${u}`), ledger: Number(ledger?.n) };
    },
  };
}

/** These tests plant faults, which BigQuery itself has no place for. */
export function emulatorUrl(): string {
  const url = inject('bigquery');
  if (url === undefined) throw new Error('this test needs the emulator: unset BIGQUERY_PROJECT');
  return url;
}
