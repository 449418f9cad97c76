import { describe, expect, test } from 'vitest';
import { restatementOf } from '../../src/cli/restatements.ts';
import { summaryText } from '../../src/cli/summary-text.ts';
import { ExportdError } from '../../src/core/errors.ts';
import type { LedgerEntry } from '../../src/core/words.ts';
import { job, loaded, planning, summary, tableState, tooLarge } from './example.ts';

const shown = planning([[job(), tableState()]]);
const keys = shown.plans.flatMap((plan) => plan.periods).map(({ period }) => period.key);
const ended = { job: 'users_daily', rows: 0, was: undefined, error: undefined } as const;
const paint = (_style: string, text: string): string => text;

describe('what came of a run', () => {
  test('is a table of outcomes, then restatements, then what was held or failed with what to do, alike ones together', async () => {
    const held = new ExportdError('SHRUNK', '5 rows where the table has 100', {
      scope: 'period',
      hint: 'exportd run users_daily --accept-held lets it through',
    });
    const came = summary([
      { ...ended, key: keys[0] ?? '', outcome: 'loaded', rows: 2000 },
      { ...ended, key: keys[1] ?? '', outcome: 'loaded', rows: 1980, was: 1975 },
      { ...ended, key: keys[2] ?? '', outcome: 'unchanged', rows: 1900 },
      { ...ended, key: keys[3] ?? '', outcome: 'held', error: held },
      ...keys.slice(4, 12).map((key) => ({ ...ended, key, outcome: 'failed' as const, error: tooLarge() })),
    ]);
    const restated = [{ job: 'users_daily', key: keys[1] ?? '', rows: 1980, was: 1975, columns: ['messages_total'] }];
    const text = `${[...summaryText({ planning: shown, summary: came, restated, paint })].join('\n')}\n`;
    await expect(text).toMatchFileSnapshot('./golden/summary.txt');
  });

  test('tells three errors of a kind, and counts the others', () => {
    const shrunk = (n: number) => new ExportdError('SHRUNK', `${n} rows where the table has 100`, { scope: 'period' });
    const came = summary(
      keys.slice(0, 9).map((key, n) => ({ ...ended, key, outcome: 'held' as const, error: shrunk(n) })),
    );
    const text = [...summaryText({ planning: shown, summary: came, restated: [], paint })].join('\n');
    expect(text.match(/rows where the table has/g)).toHaveLength(3);
    expect(text).toMatch(/^Held: users_daily \S+ … \S+ \(6 periods\)\n {2}error SHRUNK: likewise, /m);
  });

  test('of nothing due is one line', () => {
    const text = [...summaryText({ planning: shown, summary: summary([]), restated: [], paint })];
    expect(text.filter((line) => line !== '')).toEqual(['Nothing was due.']);
  });

  test('of a job that was refused is not that nothing was due', () => {
    const { report } = job();
    const holds = { report, grain: 'week' as const, span: 1, timezones: new Map() };
    const refused = planning([[job(), tableState({ exists: true, holds })]]);
    const text = [...summaryText({ planning: refused, summary: summary([]), restated: [], paint })];
    expect(text).toContain('Not planned: users_daily');
    expect(text.at(-1)).toBe('Nothing was done.');
  });

  test('counts the periods that were not tried beside those that failed', () => {
    const came = summary([
      { ...ended, key: keys[0] ?? '', outcome: 'failed', error: tooLarge() },
      ...keys.slice(1, 4).map((key) => ({ ...ended, key, outcome: 'skipped' as const })),
    ]);
    const text = [...summaryText({ planning: shown, summary: came, restated: [], paint })];
    expect(text.at(-1)).toBe('Of 4 periods 1 failed and 3 skipped.');
  });

  test('of an interrupted run says how to go on', () => {
    const text = [...summaryText({ planning: shown, summary: summary([], true), restated: [], paint })];
    expect(text.at(-1)).toBe('Interrupted: the same command goes on where this one stopped.');
  });
});

describe('a restatement', () => {
  const [key, before] = loaded('2026-11-22', '2026-11-23');
  const states = new Map([['users_daily', tableState({ exists: true, states: new Map([[key, before]]) })]]);
  const now = (changes: Partial<LedgerEntry>): LedgerEntry => {
    const entry = {
      job: 'users_daily',
      periodKey: key,
      outcome: 'loaded',
      policy: 'p1',
      rowCount: 100,
      totals: { messages_total: '700' },
    };
    return { ...entry, ...changes } as LedgerEntry;
  };

  test('is a period whose rows or usage sums are not what they were', () => {
    expect(restatementOf(now({ rowCount: 101 }), states)).toMatchObject({ rows: 101, was: 100, columns: [] });
    expect(restatementOf(now({ totals: { messages_total: '701' } }), states)).toMatchObject({
      rows: 100,
      was: 100,
      columns: ['messages_total'],
    });
  });

  test('is no period in which only names, roles or limits changed', () => {
    expect(restatementOf(now({}), states)).toBeUndefined();
  });

  test('is no period that was loaded under other rules', () => {
    expect(restatementOf(now({ rowCount: 101, policy: 'p2' }), states)).toBeUndefined();
  });

  test('is no first load', () => {
    expect(restatementOf(now({ rowCount: 101 }), new Map([['users_daily', tableState()]]))).toBeUndefined();
  });
});
