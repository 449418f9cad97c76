import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseKey } from '../../src/core/period-key.ts';
import type { LedgerEntry, LocalDate } from '../../src/core/words.ts';
import type { Batch, Destination } from '../../src/destinations/destination.ts';
import type { Landing } from '../../src/staging/staged.ts';
import { COLUMNS, entryOf, keyOf, tableSpec } from '../contract/entries.ts';
import { type DuckDbWarehouse, duckDbWarehouse } from './duckdb-warehouse.ts';

const DAY = '2026-11-23';
const signal = new AbortController().signal;

describe('replaceFrom', () => {
  let warehouse: DuckDbWarehouse;
  let destination: Destination;
  beforeEach(async () => {
    warehouse = await duckDbWarehouse();
    destination = warehouse.open();
    await destination.prepare(tableSpec(), COLUMNS, signal);
  });
  afterEach(async () => {
    await warehouse[Symbol.asyncDispose]();
  });

  /** Puts rows of one key, as staging does, and goes on as `fill` does. */
  function load(
    entry: LedgerEntry,
    rows: number,
    fill: (landing: Landing, batch: Batch) => Promise<Batch | undefined>,
  ) {
    const period = parseKey(entry.periodKey ?? '');
    if (period === undefined) throw new Error('an entry without a key');
    return destination.replaceFrom?.(
      tableSpec(),
      async (landing) => {
        await landing.put([{ loadId: entry.loadId, period }], selectOf(entry, rows), undefined);
        const dates: LocalDate[] = [entry.periodDate];
        return fill(landing, {
          staged: undefined,
          table: tableSpec(),
          insert: [entry.loadId],
          entries: [entry],
          dates,
        });
      },
      signal,
    );
  }

  const selectOf = (entry: LedgerEntry, rows: number) =>
    `SELECT 'user ' || i AS user_id, i AS messages_total, '${entry.periodKey}' AS _period_key,
       DATE '${entry.periodDate}' AS _period_date, now() AS _period_start, now() AS _period_end, 'acme' AS _source,
       '${entry.loadId}' AS _load_id, now() AS _extracted_at FROM range(${rows}) r(i)`;
  const table = () =>
    warehouse.sql('SELECT _load_id AS load, count(*)::INTEGER AS n FROM main.users_daily GROUP BY _load_id');
  const ledger = () => warehouse.sql('SELECT load_id FROM main._exportd_loads');
  const pending = () => warehouse.sql('FROM main._exportd_pending');

  test('lands rows and ledger entry together, and replaces what the key had', async () => {
    const [first, second] = [entryOf(DAY, { rowCount: 3 }), entryOf(DAY, { rowCount: 2 })];
    expect(await load(first, 3, async (_, batch) => batch)).toBe(true);
    expect(await load(second, 2, async (_, batch) => batch)).toBe(true);
    expect(await table()).toEqual([{ load: second.loadId, n: 2 }]);
    expect(await ledger()).toHaveLength(2);
    expect(await pending()).toEqual([]);
  });

  test('reads back just the rows that were put', async () => {
    await load(entryOf('2026-11-22', { rowCount: 5 }), 5, async (_, batch) => batch);
    let counted: unknown;
    await load(entryOf(DAY, { rowCount: 3 }), 3, async (landing, batch) => {
      counted = await landing.connection.rows(`SELECT count(*)::INTEGER AS n FROM ${landing.rows()}`);
      return batch;
    });
    expect(counted).toEqual([{ n: 3 }]);
  });

  test.each([
    { what: 'no batch comes of them', fill: async () => undefined, answer: false },
    {
      what: 'reading them failed',
      fill: async () => {
        throw new Error('a misfit');
      },
      answer: undefined,
    },
    {
      what: 'there are fewer than the ledger would say',
      fill: async (_: Landing, batch: Batch) => ({
        ...batch,
        entries: batch.entries.map((entry) => ({ ...entry, rowCount: 4 })),
      }),
      answer: undefined,
    },
  ])('changes nothing where $what', async ({ fill, answer }) => {
    const first = entryOf(DAY, { rowCount: 2 });
    await load(first, 2, async (_, batch) => batch);
    const second = load(entryOf(DAY, { rowCount: 3 }), 3, fill);
    if (answer === undefined) await expect(second).rejects.toThrow();
    else expect(await second).toBe(answer);
    expect(await table()).toEqual([{ load: first.loadId, n: 2 }]);
    expect(await ledger()).toEqual([{ load_id: first.loadId }]);
    await destination.prepare(tableSpec(), COLUMNS, signal);
    expect(await pending()).toEqual([]);
    expect(await table()).toEqual([{ load: first.loadId, n: 2 }]);
  });

  test('takes other keys along: an empty one loses its rows in the same transaction', async () => {
    await load(entryOf('2026-11-22', { rowCount: 2 }), 2, async (_, batch) => batch);
    const empty = entryOf('2026-11-22', { outcome: 'empty' });
    const second = entryOf(DAY, { rowCount: 1 });
    await load(second, 1, async (_, batch) => ({ ...batch, entries: [...batch.entries, empty] }));
    expect(await table()).toEqual([{ load: second.loadId, n: 1 }]);
    const reading = await destination.read([{ name: 'users_daily', detailFrom: undefined }], signal);
    expect(reading.tables.get('users_daily')?.states.get(keyOf('2026-11-22'))?.outcome).toBe('empty');
  });
});
