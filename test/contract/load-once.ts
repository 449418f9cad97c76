import type { LedgerEntry } from '../../src/core/words.ts';
import type { Destination } from '../../src/destinations/destination.ts';
import { COLUMNS, tableSpec } from './entries.ts';
import { stagedAt } from './staged.ts';

/** One staged file as one batch. */
export async function loadOnce(destination: Destination, path: string, entry: LedgerEntry): Promise<void> {
  const batch = {
    staged: stagedAt(path, COLUMNS),
    table: tableSpec(),
    insert: [entry.loadId],
    entries: [entry],
    dates: [entry.periodDate],
  };
  await destination.replace(batch, new AbortController().signal);
}
