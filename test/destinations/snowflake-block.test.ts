/** What Snowflake is sent to commit, word for word: the emulator takes what the real one refuses. */
import { describe, expect, test } from 'vitest';
import { type Commit, commitBlock } from '../../src/destinations/snowflake/commit-block.ts';
import { quoteName, quoteText } from '../../src/destinations/snowflake/sql.ts';
import { entryOf } from '../contract/entries.ts';

const LOAD = '01a2131a-0000-7000-8000-000000000001';
const D1 = '2026-11-21';
const KEY = 'acme/users:model/2026-11-21/2026-11-22@Europe/Berlin';

function commit(change: Partial<Commit> = {}): Commit {
  return {
    table: '"D"."S"."T"',
    ledger: '"D"."S"."_EXPORTD_LOADS"',
    lock: '"D"."S"."_EXPORTD_LOCK_T"',
    staging: '"D"."S"."_EXPORTD_STAGING_1"',
    columns: [
      { name: 'order', type: 'string' },
      { name: 'per_model', type: 'map' },
      { name: '_load_id', type: 'string' },
    ],
    insert: [LOAD],
    entries: [entryOf(D1, { loadId: LOAD, rowCount: 3 })],
    dates: ['2026-11-20', D1],
    expectedRows: 3,
    batch: 'batch-1',
    ...change,
  };
}

const lines = (change?: Partial<Commit>) =>
  commitBlock(commit(change))
    .split('\n')
    .map((line) => line.trim());
const starting = (word: string, change?: Partial<Commit>) => lines(change).filter((line) => line.startsWith(word));

const OURS = `period_date BETWEEN DATE '${D1}' AND DATE '${D1}' AND load_id IN ('${LOAD}')`;

describe('the commit is one block of one transaction', () => {
  test('in this order: lock, not twice, delete, insert, count, ledger, answer, commit; whatever fails rolls back', () => {
    const steps = lines().filter((line) => !/^(INSERT|SELECT "|SELECT CAST|FROM|\(|\) AS)/.test(line));
    expect(steps).toEqual([
      'EXECUTE IMMEDIATE $$',
      'DECLARE',
      "lock_is_empty EXCEPTION (-20001, 'exportd: the lock has no row');",
      "count_differs EXCEPTION (-20002, 'exportd: other rows arrived than were staged');",
      'arrived INTEGER DEFAULT 0;',
      'known INTEGER DEFAULT 0;',
      'appended RESULTSET;',
      'BEGIN',
      'BEGIN TRANSACTION;',
      `UPDATE "D"."S"."_EXPORTD_LOCK_T" SET load_id = 'batch-1';`,
      'IF (SQLROWCOUNT = 0) THEN',
      'RAISE lock_is_empty;',
      'END IF;',
      `SELECT COUNT(*) INTO :known FROM "D"."S"."_EXPORTD_LOADS" WHERE ${OURS};`,
      'IF (known = 0) THEN',
      `DELETE FROM "D"."S"."T" WHERE _period_date IN (DATE '2026-11-20', DATE '${D1}') AND _period_key IN ('${KEY}');`,
      'arrived := SQLROWCOUNT;',
      'IF (arrived != 3) THEN',
      'RAISE count_differs;',
      'END IF;',
      'END IF;',
      `appended := (SELECT load_id, DATE_PART('EPOCH_MILLISECOND', loaded_at) AS loaded_ms FROM "D"."S"."_EXPORTD_LOADS" WHERE ${OURS});`,
      'COMMIT;',
      'RETURN TABLE(appended);',
      'EXCEPTION',
      'WHEN OTHER THEN',
      'ROLLBACK;',
      'RAISE;',
      'END;',
      '$$',
    ]);
  });

  test('rows go in by column name, capitals that need no quotes, maps parsed, of the accepted loads only', () => {
    expect(starting('INSERT INTO "D"."S"."T"')).toEqual(['INSERT INTO "D"."S"."T" ("ORDER", "PER_MODEL", "_LOAD_ID")']);
    expect(starting('SELECT "ORDER"')).toEqual([
      `SELECT "ORDER", PARSE_JSON("PER_MODEL"), "_LOAD_ID" FROM "D"."S"."_EXPORTD_STAGING_1" WHERE _load_id IN ('${LOAD}');`,
    ]);
  });

  test('without rows nothing is inserted but the ledger, and empty periods are deleted', () => {
    const change = { staging: undefined, insert: [], expectedRows: 0, entries: [entryOf(D1, { outcome: 'empty' })] };
    expect(starting('INSERT INTO', change)).toHaveLength(1);
    expect(starting('DELETE', change)).toHaveLength(1);
    expect(starting('IF (arrived', change)).toEqual(['IF (arrived != 0) THEN']);
  });

  test('an unchanged one deletes nothing, and is appended where its rows are still those of its key', () => {
    const unchanged = entryOf(D1, { outcome: 'unchanged', rowsLoadId: 'before' });
    const block = commitBlock(commit({ staging: undefined, insert: [], expectedRows: 0, entries: [unchanged] }));
    expect(block).not.toContain('DELETE');
    expect(block).toContain("WHERE e.outcome != 'unchanged' OR s.rows_load_id = e.rows_load_id;");
    expect(block).toContain(`l.table_name IN ('users_daily') AND l.period_key IN ('${KEY}')`);
  });

  test('no text of anybody ends the block, or the text itself', () => {
    const entry = entryOf(D1, { loadId: LOAD, rowCount: 3, orgId: "O'$$; DROP TABLE x; \\' $$$" });
    const block = commitBlock(commit({ entries: [entry] }));
    expect(block.split('$$')).toHaveLength(3);
    expect(block).toContain(String.raw`('O''$' || '$; DROP TABLE x; \\'' $' || '$' || '$')`);
  });
});

test('names are capitals in quotes, so that people need none', () => {
  expect(quoteName('order')).toBe('"ORDER"');
  expect(quoteName('a"b')).toBe('"A""B"');
  expect(quoteText("it's \\n")).toBe(String.raw`'it''s \\n'`);
});
