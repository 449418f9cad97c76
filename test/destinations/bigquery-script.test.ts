/** What BigQuery is sent, word for word: the emulator accepts what the real one refuses. */
import { describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/dates.ts';
import { type Commit, commitScript } from '../../src/destinations/bigquery/commit-script.ts';
import { entryOf } from '../contract/entries.ts';

const LOAD = '01a2131a-0000-7000-8000-000000000001';
const D1 = '2026-11-21';

function commit(change: Partial<Commit> = {}): Commit {
  return {
    table: '`p.d.t`',
    ledger: '`p.d._exportd_loads`',
    lock: '`p.d._exportd_lock_t`',
    staging: '`p.s._exportd_staging_1`',
    columns: [
      { name: 'user_id', type: 'string' },
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
  commitScript(commit(change))
    .sql.split('\n')
    .map((line) => line.trim());
const starting = (word: string, change?: Partial<Commit>) => lines(change).filter((line) => line.startsWith(word));

describe('the commit is one script of one transaction', () => {
  test('in this order: lock, not twice, delete, insert, count, ledger, commit, answer', () => {
    const steps = lines()
      .filter((line) => /^(DECLARE|BEGIN|UPDATE|IF|RAISE|DELETE|INSERT|SET|COMMIT|SELECT load_id|END)/.test(line))
      .map((line) => line.split(' (`')[0]);
    expect(steps).toEqual([
      'DECLARE arrived INT64 DEFAULT 0;',
      'BEGIN TRANSACTION;',
      'UPDATE `p.d._exportd_lock_t` SET load_id = @batch WHERE TRUE;',
      'IF @@row_count = 0 THEN',
      "RAISE USING MESSAGE = 'exportd: the lock has no row';",
      'END IF;',
      'IF NOT EXISTS (SELECT 1 FROM `p.d._exportd_loads` WHERE period_date BETWEEN @first AND @last AND load_id IN UNNEST(@loads)) THEN',
      'DELETE FROM `p.d.t` WHERE _period_date IN (@date0, @date1) AND _period_key IN UNNEST(@keys);',
      'INSERT INTO `p.d.t`',
      'SET arrived = @@row_count;',
      'IF arrived != @expected THEN',
      "RAISE USING MESSAGE = FORMAT('exportd: %d rows arrived of %d', arrived, @expected);",
      'END IF;',
      'INSERT INTO `p.d._exportd_loads`',
      'END IF;',
      'COMMIT TRANSACTION;',
      'SELECT load_id, UNIX_MILLIS(loaded_at) AS loaded_ms FROM `p.d._exportd_loads` WHERE period_date BETWEEN @first AND @last AND load_id IN UNNEST(@loads);',
    ]);
  });

  test('has no handler, which would hide the reason, and no DDL, which a transaction refuses', () => {
    expect(commitScript(commit()).sql).not.toMatch(/EXCEPTION|CREATE|ALTER|DROP|TRUNCATE/);
  });

  test('takes rows by name, and parses maps without losing a digit', () => {
    expect(
      lines().slice(lines().indexOf('INSERT INTO `p.d.t` (`user_id`, `per_model`, `_load_id`)')).slice(0, 2),
    ).toEqual([
      'INSERT INTO `p.d.t` (`user_id`, `per_model`, `_load_id`)',
      "SELECT `user_id`, PARSE_JSON(`per_model`, wide_number_mode => 'exact'), `_load_id` FROM `p.s._exportd_staging_1` WHERE _load_id IN UNNEST(@insert);",
    ]);
  });

  test('no statement touches more than 200 dates, each a scalar, so that no other partition is scanned (case d09)', () => {
    const dates = Array.from({ length: 450 }, (_, at) => addDays('2025-01-01', at));
    const deletes = starting('DELETE', { dates });
    expect(deletes.map((line) => line.match(/@date\d+/g)?.length)).toEqual([200, 200, 51]);
    const { parameters } = commitScript(commit({ dates }));
    expect(parameters.filter(({ name }) => name.startsWith('date'))).toHaveLength(451);
    expect(parameters.find(({ name }) => name === 'date450')?.parameterValue.value).toBe(D1);
  });

  test('with nothing to insert or to delete it takes the lock all the same', () => {
    const entries = [entryOf(D1, { outcome: 'unchanged', rowsLoadId: LOAD })];
    const nothing = { staging: undefined, insert: [], entries, expectedRows: 0 };
    expect(starting('UPDATE', nothing)).toHaveLength(1);
    expect([...starting('DELETE', nothing), ...starting('INSERT INTO `p.d.t`', nothing)]).toEqual([]);
    expect(lines(nothing)).toContain("WHERE e.outcome != 'unchanged' OR s.rows_load_id = e.rows_load_id;");
  });

  test('every value is a typed parameter', () => {
    const { sql, parameters } = commitScript(commit());
    for (const value of [LOAD, D1, entryOf(D1).periodKey, 'batch-1']) expect(sql).not.toContain(value);
    expect(parameters.map(({ name, parameterType: { type, arrayType } }) => [name, arrayType?.type ?? type])).toEqual([
      ['first', 'DATE'],
      ['last', 'DATE'],
      ['batch', 'STRING'],
      ['expected', 'INT64'],
      ['entries', 'STRING'],
      ['loads', 'STRING'],
      ['keys', 'STRING'],
      ['date0', 'DATE'],
      ['date1', 'DATE'],
      ['insert', 'STRING'],
    ]);
  });
});
