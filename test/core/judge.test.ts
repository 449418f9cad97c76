import { describe, expect, test } from 'vitest';
import { type Answer, judgeAnswer, judgeLoad } from '../../src/core/judge.ts';
import { parseKey } from '../../src/core/period-key.ts';
import { judgeWithheld, withholdsEmpties } from '../../src/core/withheld.ts';
import type { Expect, KeyState, Period, TableState } from '../../src/core/words.ts';
import { someJob, someSource, someTable } from './some-job.ts';

const key = 'acme/users/2026-11-24/2026-11-25@UTC';

function day(): Period {
  const period = parseKey(key);
  if (period === undefined) throw new Error(`no period: ${key}`);
  return period;
}

function stateWith(changes: Partial<KeyState> = {}): KeyState {
  const { source, date: periodDate, start, end } = day();
  return {
    source,
    orgId: undefined,
    periodDate,
    start,
    end,
    outcome: 'loaded',
    closed: true,
    settled: true,
    rows: 100,
    rowsLoadId: 'load-1',
    policy: 'policy-1',
    requestedAt: end,
    held: undefined,
    failed: undefined,
    detail: { bodyDigest: 'same', fingerprint: 'duckdb1.5:same', totals: {} },
    ...changes,
  };
}

/** A table that holds the rows of one period. */
function tableWith(state: KeyState, present = state.rows, changes: Partial<TableState> = {}): TableState {
  return someTable({
    rows: present,
    ledgerRows: state.rows,
    states: new Map([[key, state]]),
    present: new Map([[key, present]]),
    ...changes,
  });
}

function body(changes: Partial<Answer & { kind: 'body' }> = {}): Answer {
  return { kind: 'body', bodyDigest: 'same', declaredRows: 100, strict: true, ...changes };
}

const nothing: Answer = { kind: 'nothing' };

function answered(answer: Answer, table: TableState, expected: Partial<Expect> = {}, acceptHeld = false): string {
  const verdict = judgeAnswer(answer, day(), table, expectation(expected), acceptHeld);
  return verdict.outcome === 'held' ? `held ${verdict.error.code}` : verdict.outcome;
}

function staged(
  rows: number,
  fingerprint: string,
  table: TableState,
  expected: Partial<Expect> = {},
  acceptHeld = false,
) {
  const verdict = judgeLoad({ rows, fingerprint }, day(), table, expectation(expected), acceptHeld);
  return verdict.outcome === 'held' ? `held ${verdict.error.code}` : verdict.outcome;
}

function expectation(expected: Partial<Expect>) {
  return someJob({ expect: { minRows: 0, maxShrink: 0.9, ...expected } });
}

describe('an answer, before it is staged', () => {
  test('that brings the bytes which the rows came from is unchanged, and not even staged', () => {
    expect(answered(body(), tableWith(stateWith()))).toBe('unchanged');
    expect(answered(body(), tableWith(stateWith({ outcome: 'unchanged' })))).toBe('unchanged');
  });

  test('with other bytes is staged', () => {
    expect(answered(body({ bodyDigest: 'other' }), tableWith(stateWith()))).toBe('stage');
  });

  test('of a period without a state is staged', () => {
    expect(answered(body(), someTable())).toBe('stage');
  });

  test('whose recordCount is not what the ledger has is staged, where the source is held to it', () => {
    expect(answered(body({ declaredRows: 99 }), tableWith(stateWith()))).toBe('stage');
    expect(answered(body({ declaredRows: undefined }), tableWith(stateWith()))).toBe('stage');
    expect(answered(body({ declaredRows: 99, strict: false }), tableWith(stateWith()))).toBe('unchanged');
  });

  test('is staged where the table does not hold the rows any more', () => {
    expect(answered(body(), tableWith(stateWith(), 99))).toBe('stage');
    expect(answered(body(), tableWith(stateWith(), 100, { exists: false }))).toBe('stage');
  });

  test('to a period whose rows were not counted goes by the total of the table', () => {
    expect(answered(body(), tableWith(stateWith(), 100, { present: new Map() }))).toBe('unchanged');
    expect(answered(body(), tableWith(stateWith(), 99, { present: new Map() }))).toBe('stage');
  });

  test('to a forgotten period brings its rows back, whatever its bytes', () => {
    expect(answered(body(), tableWith(stateWith({ outcome: 'forgotten', rows: 0 })))).toBe('stage');
  });

  test('NOT_FOUND is an empty period, not an error', () => {
    expect(answered(nothing, someTable())).toBe('empty');
  });

  test('NOT_FOUND for an empty period is empty again, and so is the same body without rows', () => {
    const empty = stateWith({ outcome: 'empty', rows: 0, rowsLoadId: undefined });
    expect(answered(nothing, tableWith(empty))).toBe('empty');
    expect(answered(body({ declaredRows: 0 }), tableWith(empty))).toBe('empty');
  });

  test('NOT_FOUND for a period with rows is held, until a person accepts it (reliability 10)', () => {
    expect(answered(nothing, tableWith(stateWith()))).toBe('held WENT_EMPTY');
    expect(answered(nothing, tableWith(stateWith()), {}, true)).toBe('empty');
  });

  test('NOT_FOUND where rows are expected is held', () => {
    expect(answered(nothing, someTable(), { minRows: 1 })).toBe('held TOO_FEW_ROWS');
  });
});

describe('a staged load', () => {
  const full = tableWith(stateWith());

  test('of a new period is loaded', () => {
    expect(staged(5, 'duckdb1.5:new', someTable())).toBe('loaded');
  });

  test('with the rows that the table holds is unchanged, whatever its bytes', () => {
    expect(staged(100, 'duckdb1.5:same', full)).toBe('unchanged');
  });

  test('with the same rows is loaded where the table does not hold them any more', () => {
    expect(staged(100, 'duckdb1.5:same', tableWith(stateWith(), 40))).toBe('loaded');
  });

  test('whose fingerprint another algorithm made counts as changed', () => {
    expect(staged(100, 'duckdb1.6:same', full)).toBe('loaded');
  });

  test('without a row is empty, like NOT_FOUND (case b13)', () => {
    expect(staged(0, 'duckdb1.5:none', someTable())).toBe('empty');
    expect(staged(0, 'duckdb1.5:none', full)).toBe('held WENT_EMPTY');
    expect(staged(0, 'duckdb1.5:none', full, {}, true)).toBe('empty');
  });

  test('that would drop more than max_shrink of the rows is held, one that drops just that much is not (reliability 11)', () => {
    expect(staged(9, 'duckdb1.5:other', full)).toBe('held SHRUNK');
    expect(staged(10, 'duckdb1.5:other', full)).toBe('loaded');
    expect(staged(70, 'duckdb1.5:other', full, { maxShrink: 0.3 })).toBe('loaded');
    expect(staged(69, 'duckdb1.5:other', full, { maxShrink: 0.3 })).toBe('held SHRUNK');
    expect(staged(9, 'duckdb1.5:other', full, {}, true)).toBe('loaded');
  });

  test('with fewer rows than min_rows is held, also a first one', () => {
    expect(staged(4, 'duckdb1.5:new', someTable(), { minRows: 5 })).toBe('held TOO_FEW_ROWS');
    expect(staged(5, 'duckdb1.5:new', someTable(), { minRows: 5 })).toBe('loaded');
    expect(staged(4, 'duckdb1.5:new', someTable(), { minRows: 5 }, true)).toBe('loaded');
  });

  test('that is held says how many rows came, how many there are, and what to do', () => {
    const verdict = judgeLoad({ rows: 5, fingerprint: 'duckdb1.5:x' }, day(), full, someJob(), false);
    expect(verdict).toMatchObject({
      outcome: 'held',
      error: {
        scope: 'period',
        retryable: false,
        message:
          'came with 5 rows where the table has 100, a loss of more than expect.max_shrink allows: held, the old rows stay',
        hint: 'where that is right, exportd run users_daily --accept-held lets it through',
      },
    });
  });
});

describe('a source of which the table has nothing yet', () => {
  const source = someSource();
  const withheld = (count: number, brought: boolean, table = someTable(), acceptHeld = false): string =>
    judgeWithheld(count, brought, source, table, someJob(), acceptHeld).outcome;

  test('has its empty periods kept back', () => {
    expect(withholdsEmpties(someTable(), 'acme')).toBe(true);
    expect(withholdsEmpties(tableWith(stateWith()), 'acme')).toBe(false);
    expect(withholdsEmpties(tableWith(stateWith({ source: 'beta' })), 'acme')).toBe(true);
    expect(withholdsEmpties(tableWith(stateWith(), 0, { exists: false }), 'acme')).toBe(true);
  });

  test('is believed where it brought a row, where one period is all that was asked, and where a person accepts it', () => {
    expect(withheld(364, true)).toBe('empty');
    expect(withheld(1, false)).toBe('empty');
    expect(withheld(365, false, someTable(), true)).toBe('empty');
  });

  test('is not believed where several periods were all empty: they are held, with where to look', () => {
    expect(judgeWithheld(365, false, source, someTable(), someJob(), false)).toMatchObject({
      outcome: 'held',
      error: {
        code: 'ALL_EMPTY',
        message: 'source acme answered NOT_FOUND for all 365 periods: check base_url, key and workspace',
      },
    });
  });

  test('is not believed for one more empty period after others were held', () => {
    const held = { at: day().end, code: 'ALL_EMPTY' };
    const noted = stateWith({ outcome: undefined, rows: 0, held });
    const states = new Map(['a', 'b'].map((name) => [name, noted]));
    expect(withheld(1, false, someTable({ exists: false, states }))).toBe('held');
  });
});
