import type { Instant } from '../../core/words.ts';
import { quoteText } from '../../duckdb/engine.ts';
import type { Destination } from '../destination.ts';
import { nothing } from '../draft.ts';
import { KNOWN_OUTCOMES } from '../ledger.ts';
import { neighbourhood } from '../neighbourhood.ts';
import { appendEntries, bindEntries, selectEntries } from './append.ts';
import { check } from './check.ts';
import { duckDbFile, type FileOptions } from './connect.ts';
import { settlePending } from './pending.ts';
import { prepare } from './prepare.ts';
import { read } from './read.ts';
import { replace, replaceFrom } from './replace.ts';
import { ensureLedger, LEDGER, LEDGER_RELATIONS, relations } from './schema.ts';

export interface DuckDbOptions extends FileOptions {
  /** `<hostname>/<8 hex digits>`: ours in the ledger. */
  readonly instance: string;
  readonly clock: () => Instant;
}

/** Ledger rows that `history` fetches at a time: the file is closed in between. */
const HISTORY_PAGE = 10_000;

/**
 * A DuckDB file as destination. It is open only while one of the calls below works with it; every other program can
 * have it in between. Throws DUCKDB_LOCKED (destination) where another process held it for `lockTimeout`.
 */
export function openDuckDb(options: DuckDbOptions): Destination {
  const file = duckDbFile(options, settlePending);

  return {
    async read(tables, signal) {
      const neighbours = neighbourhood(options.instance, options.clock());
      const reading = await file.read(signal, (attached) => read(attached, tables, neighbours));
      return reading ?? nothing(tables);
    },

    async prepare(table, columns, signal) {
      await file.makeFolder();
      return await file.write(signal, (attached) => prepare(attached, table, columns, options.instance));
    },

    async replace(batch, signal) {
      return await file.write(signal, (attached) => replace(attached, batch));
    },

    async replaceFrom(table, fill, signal) {
      return await file.write(signal, (attached) => replaceFrom(attached, table, fill));
    },

    async note(entries, signal) {
      try {
        await file.makeFolder();
        await file.write(signal, async (attached) => {
          await ensureLedger(attached, await relations(attached, LEDGER_RELATIONS));
          await bindEntries(attached, entries);
          await appendEntries(attached, 'true');
        });
        return true;
      } catch {
        return false;
      }
    },

    async *history(table, key, signal) {
      const known = KNOWN_OUTCOMES.map(quoteText).join(', ');
      let last = '';
      for (;;) {
        const page = await file.read(signal, async (attached) => {
          if (!(await relations(attached, [LEDGER])).has(LEDGER)) return [];
          return await selectEntries(
            attached,
            `WHERE table_name = $table AND ($key IS NULL OR period_key = $key) AND outcome IN (${known})
               AND ($last = '' OR (loaded_at, load_id) < (SELECT (loaded_at, load_id) FROM ${attached.table(LEDGER)} WHERE load_id = $last))
             ORDER BY loaded_at DESC, load_id DESC LIMIT ${HISTORY_PAGE}`,
            { table, key: key ?? null, last },
          );
        });
        yield* page ?? [];
        if (page === undefined || page.length < HISTORY_PAGE) return;
        last = page.at(-1)?.loadId ?? '';
      }
    },

    check: (signal) => check(file, options.path, signal),

    async [Symbol.asyncDispose]() {},
  };
}
