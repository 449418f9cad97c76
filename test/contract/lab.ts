/** For tests of one warehouse: batches of one period, and what is refused. */
import { ExportdError } from '../../src/core/errors.ts';
import type { LedgerEntry, LocalDate } from '../../src/core/words.ts';
import type { Batch } from '../../src/destinations/destination.ts';
import type { Warehouse } from './destination.ts';
import { COLUMNS, entryOf, tableSpec } from './entries.ts';
import { stageRows } from './staged.ts';

export const SIGNAL = new AbortController().signal;

/** A staged batch of one period: as many rows as names. */
export async function batchOf(
  { engine, folder }: Pick<Warehouse, 'engine' | 'folder'>,
  date: LocalDate,
  names: readonly string[],
  change: Partial<LedgerEntry> = {},
): Promise<Batch> {
  const entry = entryOf(date, { rowCount: names.length, ...change });
  const rows = names.map((user_id, at) => ({ user_id, messages_total: at }));
  const staged = await stageRows(engine, folder, COLUMNS, [{ entry, rows }]);
  return { staged, table: tableSpec(), insert: [entry.loadId], entries: [entry], dates: [date] };
}

/** The ExportdError that a call throws. */
export async function refusal(work: Promise<unknown>): Promise<ExportdError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ExportdError) return error;
  throw new Error('no ExportdError was thrown', { cause: error });
}
