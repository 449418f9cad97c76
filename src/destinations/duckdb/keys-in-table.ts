import type { PeriodKey } from '../../core/words.ts';
import { KEYS_PER_SOURCE } from '../holds.ts';
import type { Attached } from './connect.ts';

/** The newest keys of each source that the table itself holds; for tables that the ledger knows nothing of. */
export async function keysInTable(file: Attached, table: string): Promise<PeriodKey[]> {
  const rows = await file.connection.rows<{ key: PeriodKey }>(
    `SELECT _period_key AS key FROM (SELECT DISTINCT _source, _period_key, _period_date FROM ${file.table(table)})
     WHERE _period_key IS NOT NULL
     QUALIFY row_number() OVER (PARTITION BY _source ORDER BY _period_date DESC, _period_key DESC) <= ${KEYS_PER_SOURCE}`,
  );
  return rows.map(({ key }) => key);
}
