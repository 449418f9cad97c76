import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import type { History, Instant } from '../../src/core/words.ts';
import { quoteText } from '../../src/duckdb/engine.ts';
import type { Body, Source } from '../../src/sources/source.ts';
import { openSpool, type Spool } from '../../src/staging/spool.ts';
import { askFor } from '../sources/lab.ts';
import { temporaryFolder } from '../staging/folder.ts';

/** The usage of one day as a source is to bring it: every value as its text. No entry: a day without usage. */
export type Usage = Readonly<Record<string, readonly { readonly user_id: string; readonly messages_total: string }[]>>;

/** A source over a store that has exactly `usage`. */
export interface SourceUnderTest extends AsyncDisposable {
  open(options: { readonly history: History | undefined; readonly clock: () => Instant }): Source;
  /** Requests that reached the store so far. */
  requests(): number;
  /** From now on nothing is answered. */
  hang(): void;
  /** Answers come again. */
  answer(): void;
}

const never = new AbortController().signal;
/** Users in the order of their ids. */
const usageOf = (most: string): Usage => ({
  '2026-11-22': [
    { user_id: 'Zoë "x", 中文', messages_total: most },
    { user_id: 'u1', messages_total: '3' },
  ],
  '2026-11-23': Array.from({ length: 3000 }, (_, index) => ({
    user_id: `u${String(index).padStart(4, '0')}`,
    messages_total: String(1 + (index % 3)),
  })),
});

/**
 * What every source promises; see sources/source.ts.
 * @param most the largest number of messages that the store of this source can be given, as text
 */
export function sourceContract(name: string, most: string, start: (usage: Usage) => Promise<SourceUnderTest>): void {
  const USAGE = usageOf(most);
  async function lab(options: { history?: History; clock?: () => Instant } = {}) {
    const stack = new AsyncDisposableStack();
    const store = stack.use(await start(USAGE));
    const folder = stack.use(await temporaryFolder());
    const spool: Spool = stack.use(await openSpool({ directory: folder.path, limit: 1e9, instance: 'host/0a1b2c3d' }));
    const source = stack.use(store.open({ history: options.history, clock: options.clock ?? Date.now }));
    return { store, source, spool, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  describe(`the source ${name}`, () => {
    test.each(Object.keys(USAGE))('brings all rows of %s, every value to its last character', async (date) => {
      await using at = await lab();
      await using file = at.spool.file('.body');
      const body = await at.source.extract(askFor(date), file, never);
      if (body.kind !== 'body') throw new Error('There is no body.');
      expect(await rowsOf(body)).toEqual(USAGE[date]);
      expect(body.declaredRows).toBe(USAGE[date]?.length);
      expect(body.file).toBe(file);
      expect((await stat(file.path)).size).toBeGreaterThan(0);
      expect(body.bytes).toBeGreaterThan(0);
      if (body.layout === undefined) {
        expect(body.digest).toBe(
          createHash('sha256')
            .update(await readFile(file.path))
            .digest('hex'),
        );
      }
    });

    test('answers a day without usage with nothing', async () => {
      await using at = await lab();
      await using file = at.spool.file('.body');
      expect(await at.source.extract(askFor('2026-11-20'), file, never)).toMatchObject({ kind: 'nothing' });
    });

    test('gives equal usage an equal digest, and other usage another', async () => {
      await using at = await lab();
      const digests: string[] = [];
      for (const date of ['2026-11-22', '2026-11-22', '2026-11-23']) {
        await using file = at.spool.file('.body');
        const extract = await at.source.extract(askFor(date), file, never);
        if (extract.kind === 'body') digests.push(extract.digest);
      }
      expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
      expect(digests[1]).toBe(digests[0]);
      expect(digests[2]).not.toBe(digests[0]);
    });

    test('writes over what an earlier attempt left in the file', async () => {
      await using at = await lab();
      await using file = at.spool.file('.body');
      await at.source.extract(askFor('2026-11-23'), file, never);
      const body = await at.source.extract(askFor('2026-11-22'), file, never);
      if (body.kind !== 'body') throw new Error('There is no body.');
      expect(await rowsOf(body)).toEqual(USAGE['2026-11-22']);
    });

    test('says when the request left and when its answer came, by the clock that it was given', async () => {
      let now = 1_795_000_000_000;
      const clock = () => {
        now += 1;
        return now;
      };
      await using at = await lab({ clock });
      await using file = at.spool.file('.body');
      const { requestedAt, answeredAt } = await at.source.extract(askFor('2026-11-22'), file, never);
      expect(requestedAt).toBeGreaterThan(1_795_000_000_000);
      expect(answeredAt).toBeGreaterThan(requestedAt);
      expect(answeredAt).toBeLessThanOrEqual(now);
    });

    test('refuses a period that it no longer keeps whole, without asking for it', async () => {
      await using at = await lab({
        history: { amount: 7, unit: 'day' },
        clock: () => Date.parse('2026-11-30T00:00:00Z'),
      });
      await using file = at.spool.file('.body');
      await expect(at.source.extract(askFor('2026-11-23'), file, never)).rejects.toMatchObject({
        code: 'RETENTION_PASSED',
        scope: 'period',
        retryable: false,
      });
      expect(at.store.requests()).toBe(0);
    });

    test('brings many periods at once, each its own', async () => {
      await using at = await lab();
      const dates = ['2026-11-22', '2026-11-23', '2026-11-20', '2026-11-22', '2026-11-23'];
      const rows = await Promise.all(
        dates.map(async (date) => {
          await using file = at.spool.file('.body');
          const extract = await at.source.extract(askFor(date), file, never);
          return extract.kind === 'body' ? (await rowsOf(extract)).length : 0;
        }),
      );
      expect(rows).toEqual([2, 3000, 0, 2, 3000]);
    });

    test('lets go at once where it is aborted, with the reason, and answers again after it', async () => {
      await using at = await lab();
      await using file = at.spool.file('.body');
      at.store.hang();
      const stop = new AbortController();
      const reason = new Error('stopped');
      const extract = at.source.extract(askFor('2026-11-22'), file, stop.signal);
      stop.abort(reason);
      await expect(extract).rejects.toBe(reason);
      at.store.answer();
      expect(await at.source.extract(askFor('2026-11-22'), file, never)).toMatchObject({ kind: 'body' });
    });

    test('that is gone is an error that may heal', async () => {
      await using at = await lab();
      await at.store[Symbol.asyncDispose]();
      await using file = at.spool.file('.body');
      await expect(at.source.extract(askFor('2026-11-22'), file, never)).rejects.toMatchObject({
        code: 'SOURCE_UNREACHABLE',
        retryable: true,
      });
    });
  });
}

/** The rows of a body as a reader that knows only its format sees them. */
async function rowsOf({ file, format, layout }: Body): Promise<unknown[]> {
  const path = quoteText(file.path);
  const names = layout?.columns.map((name) => quoteText(name)).join(', ');
  const header = names === undefined ? 'header = true' : `header = false, names = [${names}]`;
  const from = {
    csv: `read_csv(${path}, all_varchar = true, ${header}, quote = '"', escape = '"', delim = ',')`,
    parquet: `read_parquet(${path})`,
  }[format];
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `SELECT user_id::VARCHAR AS user_id, messages_total::VARCHAR AS messages_total FROM ${from}`,
    );
    return reader.getRowObjectsJS();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
