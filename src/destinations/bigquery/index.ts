import type { Instant } from '../../core/words.ts';
import type { Batch, Destination } from '../destination.ts';
import { nothing } from '../draft.ts';
import type { Holds } from '../holds.ts';
import { ledgerRow } from '../ledger.ts';
import { neighbourhood } from '../neighbourhood.ts';
import { check } from './check.ts';
import { appendSql } from './commit-script.ts';
import { BigQueryFailure, kindOf, told } from './failure.ts';
import { history } from './history.ts';
import { prepare, prepareLedger } from './prepare.ts';
import { query } from './queries.ts';
import { read } from './read.ts';
import { type Progress, replace, untouched } from './replace.ts';
import { LEDGER } from './schema.ts';
import { type Session, type SessionOptions, sessions } from './session.ts';
import { scalar } from './sql.ts';

export interface BigQueryOptions extends SessionOptions {
  /** `<hostname>/<8 hex digits>`: ours in the ledger. */
  readonly instance: string;
  readonly clock: () => Instant;
}

/**
 * A BigQuery dataset as destination: per batch one load job and one transactional script, per run one query of the
 * ledger. Nothing is ever streamed in.
 */
export function openBigQuery(options: BigQueryOptions): Destination {
  const { place, instance, clock } = options;
  const session = sessions(options);
  /** What the last `read` saw the ledger say of each table, so that `prepare` need not ask again. */
  const seen = new Map<string, Holds>();
  const progress = new WeakMap<Batch, Progress>();

  async function doing<T>(what: string, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await work(await session.open(signal));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BigQueryFailure && kindOf(error) === 'missing') session.forget();
      throw told(error, { destination: place.name, what });
    }
  }

  return {
    async read(tables, signal) {
      return await doing('reading the ledger', signal, async (opened) => {
        if (opened.dataset === undefined) return nothing(tables);
        const now = clock();
        const reading = await read(opened, tables, neighbourhood(instance, now), now, signal);
        for (const [name, { states, holds }] of reading.tables) {
          if (holds !== undefined && states.size > 0) seen.set(name, holds);
          else seen.delete(name);
        }
        return reading;
      });
    },

    async prepare(table, columns, signal) {
      return await doing(`preparing table ${table.name}`, signal, async (opened) => {
        const holds = seen.get(table.name);
        seen.delete(table.name);
        return await prepare(opened, { table, columns, instance, holds, signal });
      });
    },

    async replace(batch, signal) {
      const opened = await doing(`reaching dataset ${place.dataset}`, signal, async (reached) => reached);
      const before = progress.get(batch) ?? untouched();
      progress.set(batch, before);
      return await replace(opened, batch, before, clock(), signal);
    },

    async note(entries, signal) {
      try {
        const opened = await session.open(signal);
        await prepareLedger(opened, signal);
        const rows = scalar('entries', 'STRING', JSON.stringify(entries.map(ledgerRow)));
        await query(opened, 'note', { sql: appendSql(opened.table(LEDGER)), parameters: [rows] }, signal);
        return true;
      } catch {
        return false;
      }
    },

    async *history(table, key, signal) {
      const opened = await doing('reading the ledger', signal, async (reached) => reached);
      try {
        yield* history(opened, table, key, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw told(error, { destination: place.name, what: 'reading the ledger' });
      }
    },

    check: (signal) => check(() => session.open(signal), place.name, clock, signal),

    async [Symbol.asyncDispose]() {},
  };
}
