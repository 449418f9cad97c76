/** A second exportd: loads a key each time it is told to, through a destination of its own. */
import { addDays } from '../../src/core/dates.ts';
import { ExportdError } from '../../src/core/errors.ts';
import type { Batch, Destination } from '../../src/destinations/destination.ts';
import type { Engine } from '../../src/duckdb/engine.ts';
import { COLUMNS, entryOf, tableSpec } from './entries.ts';
import { stageRows } from './staged.ts';

/** Which key to load (day 1, 2, …), with how many rows. */
export interface LoaderOrder {
  readonly round: number;
  readonly rows: number;
}

interface Opener {
  openFor(options: unknown): Promise<{ destination: Destination; engine: Engine; folder: string }>;
}

const { module, options, instance } = JSON.parse(process.env.LOADER ?? '{}');
const { openFor } = (await import(module)) as Opener;
const { destination, engine, folder } = await openFor(options);

process.on('message', async ({ round, rows }: LoaderOrder) => {
  const date = addDays('2026-01-01', round);
  const entry = entryOf(date, { rowCount: rows, instance });
  const users = Array.from({ length: rows }, (_, i) => ({ user_id: `u${i}`, messages_total: i }));
  await using staged = await stageRows(engine, folder, COLUMNS, [{ entry, rows: users }]);
  const batch = { staged, table: tableSpec(), insert: [entry.loadId], entries: [entry], dates: [date] };
  await untilCommitted(batch);
  process.send?.('done');
});

/** As a run does: a warehouse may refuse one of two commits that overlap, and the same batch goes again. */
async function untilCommitted(batch: Batch): Promise<void> {
  for (;;) {
    try {
      await destination.replace(batch, new AbortController().signal);
      return;
    } catch (error) {
      if (!(error instanceof ExportdError && error.retryable)) throw error;
    }
  }
}

process.send?.('ready');
