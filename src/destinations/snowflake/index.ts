import type { Instant } from '../../core/words.ts';
import type { Batch, Destination } from '../destination.ts';
import type { Holds } from '../holds.ts';
import { neighbourhood } from '../neighbourhood.ts';
import { check } from './check.ts';
import { appendSql } from './commit-block.ts';
import { told } from './failure.ts';
import { history } from './history.ts';
import { prepare, prepareLedger } from './prepare.ts';
import { read } from './read.ts';
import { type Progress, replace, untouched } from './replace.ts';
import { LEDGER } from './schema.ts';
import { openSession, type SessionOptions } from './session.ts';
import { isSweepDue, sweep } from './sweep.ts';

export interface SnowflakeOptions extends SessionOptions {
  /** `<hostname>/<8 hex digits>`: ours in the ledger. */
  readonly instance: string;
  readonly clock: () => Instant;
}

/**
 * A Snowflake schema as destination: per batch a staging table, PUT, COPY and one Scripting block, per run one query of
 * the ledger, all in one session.
 */
export function openSnowflake(options: SnowflakeOptions): Destination {
  const { place, instance, clock } = options;
  const session = openSession(options);
  /** What the last `read` saw the ledger say of each table, so that `prepare` need not ask again. */
  const seen = new Map<string, Holds>();
  const progress = new WeakMap<Batch, Progress>();
  let isSweeper = false;

  async function doing<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw told(error, { destination: place.name, what });
    }
  }

  return {
    async read(tables, signal) {
      return await doing('reading the ledger', signal, async () => {
        const now = clock();
        const reading = await read(session, tables, neighbourhood(instance, now), signal);
        isSweeper = isSweepDue(reading.newest, now);
        for (const [name, { states, holds }] of reading.tables) {
          if (holds !== undefined && states.size > 0) seen.set(name, holds);
          else seen.delete(name);
        }
        return reading;
      });
    },

    async prepare(table, columns, signal) {
      return await doing(`preparing table ${table.name}`, signal, async () => {
        const holds = seen.get(table.name);
        seen.delete(table.name);
        const prepared = await prepare(session, { table, columns, instance, holds, signal });
        const isDue = isSweeper;
        isSweeper = false;
        // No batch fails for what another left behind.
        if (isDue) await Promise.allSettled([sweep(session, clock(), signal)]);
        return prepared;
      });
    },

    async replace(batch, signal) {
      const before = progress.get(batch) ?? untouched(batch);
      progress.set(batch, before);
      return await replace(session, batch, before, signal);
    },

    async note(entries, signal) {
      try {
        await prepareLedger(session, signal);
        const sql = appendSql(session.table(LEDGER), entries);
        await session.run({ sql, purpose: 'note', entry: entries[0], once: true }, signal);
        return true;
      } catch {
        return false;
      }
    },

    async *history(table, key, signal) {
      try {
        yield* history(session, table, key, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw told(error, { destination: place.name, what: 'reading the ledger' });
      }
    },

    check: (signal) => check(session, clock, signal),

    async [Symbol.asyncDispose]() {
      session.renew();
    },
  };
}
