import { describe, expect, test } from 'vitest';
import { type Attempt, isNoteWorthWriting, isWorthWriting, ledgerEntry, unchangedEntry } from '../../src/core/entry.ts';
import { parseKey } from '../../src/core/period-key.ts';
import type { Instant, KeyState, LedgerEntry, Outcome, PlannedPeriod, Reason } from '../../src/core/words.ts';
import { HOUR, someJob, someTable } from './some-job.ts';

const key = 'acme/users/2026-11-24/2026-11-25@Europe/Berlin';
const job = someJob({ timezone: 'Europe/Berlin', window: { lookback: 2 } });
const writer = { runId: 'run-1', instance: 'web-1/0a1b2c3d', exportdVersion: '0.1.0' };
const closesAt = Date.parse('2026-11-25T01:00:00Z');
const settlesAt = Date.parse('2026-11-26T01:00:00Z');

function planned(reason: Reason = 'lookback'): PlannedPeriod {
  const period = parseKey(key);
  if (period === undefined) throw new Error(`no period: ${key}`);
  return { period, reason, urgency: 'awaited' };
}

function attempt(requestedAt: Instant, changes: Partial<Attempt> = {}): Attempt {
  return {
    loadId: 'load-2',
    requestedAt,
    rows: 100,
    bodyDigest: 'body',
    fingerprint: 'duckdb1.5:x',
    orgId: 'W',
    ...changes,
  };
}

function written(
  outcome: Exclude<Outcome, 'unchanged'>,
  requestedAt: Instant,
  changes: Partial<Attempt> = {},
): LedgerEntry {
  return ledgerEntry(outcome, planned(), job, attempt(requestedAt, changes), writer);
}

function stateAfter(entry: LedgerEntry, changes: Partial<KeyState> = {}): KeyState {
  return {
    source: entry.source,
    orgId: entry.orgId,
    periodDate: entry.periodDate,
    start: entry.periodStart,
    end: entry.periodEnd,
    outcome: entry.outcome === 'held' || entry.outcome === 'failed' ? undefined : entry.outcome,
    closed: entry.closed,
    settled: entry.settled,
    rows: entry.rowCount,
    rowsLoadId: entry.rowsLoadId,
    policy: entry.policy,
    requestedAt: entry.extractedAt,
    held: undefined,
    failed: undefined,
    detail: { bodyDigest: entry.bodyDigest, fingerprint: entry.fingerprint, totals: entry.totals },
    ...changes,
  };
}

function table(state: KeyState) {
  return someTable({ rows: state.rows, ledgerRows: state.rows, states: new Map([[key, state]]) });
}

describe('a ledger row', () => {
  test('of a load names its own rows', () => {
    expect(written('loaded', closesAt, { answeredAt: closesAt + 1500 })).toEqual({
      loadId: 'load-2',
      ...writer,
      job: 'users_daily',
      reason: 'lookback',
      source: 'acme',
      orgId: 'W',
      dataType: 'users',
      groupBy: undefined,
      grain: 'day',
      span: 1,
      timezone: 'Europe/Berlin',
      tableName: 'users_daily',
      periodKey: key,
      periodDate: '2026-11-24',
      periodStart: Date.parse('2026-11-23T23:00:00Z'),
      periodEnd: Date.parse('2026-11-24T23:00:00Z'),
      outcome: 'loaded',
      rowsLoadId: 'load-2',
      closed: true,
      settled: false,
      rowCount: 100,
      byteCount: 0,
      totals: {},
      bodyDigest: 'body',
      fingerprint: 'duckdb1.5:x',
      policy: 'policy-1',
      errorCode: undefined,
      answerMs: 1500,
      extractedAt: closesAt,
      loadedAt: 0,
    });
  });

  test('is closed from the end plus the delay on, by when its request left', () => {
    expect(written('loaded', closesAt - 1).closed).toBe(false);
    expect(written('loaded', closesAt - 1, { answeredAt: closesAt + 60_000 }).closed).toBe(false);
    expect(written('loaded', closesAt).closed).toBe(true);
  });

  test('is settled from lookback - 1 grains later on', () => {
    expect(written('loaded', settlesAt - 1).settled).toBe(false);
    expect(written('loaded', settlesAt).settled).toBe(true);
  });

  test('of an empty period is not settled before a day after its end', () => {
    const eager = someJob({ timezone: 'Europe/Berlin', window: { lookback: 1, delay: 0 } });
    const end = closesAt - 2 * HOUR;
    const of = (at: Instant): LedgerEntry => ledgerEntry('empty', planned(), eager, attempt(at, { rows: 0 }), writer);
    expect(of(end + 23 * HOUR)).toMatchObject({ closed: true, settled: false, rowsLoadId: undefined });
    expect(of(end + 24 * HOUR).settled).toBe(true);
  });

  test('of an hour says the timezone of the job', () => {
    const hourly = someJob({ timezone: 'Asia/Kolkata', window: { grain: 'hour' } });
    const grid = { grain: 'hour', span: 1, timezone: 'Asia/Kolkata' } as const;
    const period = parseKey('acme/users/2026-11-24T20/2026-11-24T21@UTC', grid);
    if (period === undefined) throw new Error('no hour');
    const entry = ledgerEntry('loaded', { ...planned(), period }, hourly, attempt(closesAt), writer);
    expect(entry).toMatchObject({ timezone: 'Asia/Kolkata', periodDate: '2026-11-25' });
  });

  test('that is unchanged stands for the rows before it, and keeps their date and bounds', () => {
    const first = written('loaded', closesAt, { loadId: 'load-1', totals: { messages: '5' } });
    const before = stateAfter(first, { periodDate: '2026-11-23', start: 1, end: 2 });
    const again = { loadId: 'load-2', requestedAt: settlesAt, bodyDigest: 'body' };
    expect(unchangedEntry(planned(), job, again, writer, before)).toMatchObject({
      outcome: 'unchanged',
      loadId: 'load-2',
      rowsLoadId: 'load-1',
      rowCount: 100,
      periodDate: '2026-11-23',
      periodStart: 1,
      periodEnd: 2,
      settled: true,
      orgId: 'W',
      fingerprint: 'duckdb1.5:x',
      totals: { messages: '5' },
    });
  });
});

describe('what is worth writing', () => {
  const morning = Date.parse('2026-11-26T05:15:00Z');
  const before = stateAfter(written('loaded', morning));
  const unchanged = (at: Instant, changes: Partial<Attempt> = {}, reason: Reason = 'lookback'): LedgerEntry =>
    unchangedEntry(planned(reason), job, attempt(at, changes), writer, before);

  test('an unchanged row that alters nothing is, once a local day', () => {
    expect(isWorthWriting(unchanged(morning + HOUR), table(before))).toBe(false);
    expect(isWorthWriting(unchanged(Date.parse('2026-11-26T22:59:59Z')), table(before))).toBe(false);
    expect(isWorthWriting(unchanged(Date.parse('2026-11-26T23:00:00Z')), table(before))).toBe(true);
  });

  test('an unchanged row that settles, closes, clears a note or knows other bytes is, at once', () => {
    const soon = unchanged(morning + HOUR);
    expect(isWorthWriting(soon, table({ ...before, settled: false }))).toBe(true);
    expect(isWorthWriting(soon, table({ ...before, closed: false }))).toBe(true);
    expect(isWorthWriting(soon, table({ ...before, policy: 'policy-0' }))).toBe(true);
    expect(isWorthWriting(soon, table({ ...before, held: { at: morning, code: 'SHRUNK' } }))).toBe(true);
    expect(isWorthWriting(soon, table({ ...before, failed: { at: morning, code: 'BODY_SHORT', last: true } }))).toBe(
      true,
    );
    expect(isWorthWriting(unchanged(morning + HOUR, { bodyDigest: 'other' }), table(before))).toBe(true);
  });

  test('what a person asked for always is', () => {
    expect(isWorthWriting(unchanged(morning + HOUR, {}, 'requested'), table(before))).toBe(true);
  });

  test('a load always is', () => {
    expect(isWorthWriting(written('loaded', morning + HOUR), table(before))).toBe(true);
  });

  test('an empty period that is empty again is like an unchanged one, unless rows must go', () => {
    const none = { rows: 0, bodyDigest: undefined, fingerprint: undefined, orgId: undefined };
    const empty = stateAfter(written('empty', morning, none));
    const again = written('empty', morning + HOUR, none);
    expect(isWorthWriting(again, table(empty))).toBe(false);
    expect(isWorthWriting(again, { ...table(empty), present: new Map([[key, 3]]) })).toBe(true);
    expect(isWorthWriting(again, table(before))).toBe(true);
  });

  test('a note is once per key, outcome and code a local day', () => {
    const note = (at: Instant, errorCode: string): LedgerEntry => written('failed', at, { errorCode });
    const failed = { at: morning, code: 'SOURCE_ERROR', last: true };
    expect(isNoteWorthWriting(note(morning, 'SOURCE_ERROR'), table(before))).toBe(true);
    expect(isNoteWorthWriting(note(morning + HOUR, 'SOURCE_ERROR'), table({ ...before, failed }))).toBe(false);
    expect(isNoteWorthWriting(note(morning + HOUR, 'BODY_SHORT'), table({ ...before, failed }))).toBe(true);
    expect(isNoteWorthWriting(note(morning + 20 * HOUR, 'SOURCE_ERROR'), table({ ...before, failed }))).toBe(true);
    const held = { at: morning, code: 'SOURCE_ERROR' };
    expect(isNoteWorthWriting(note(morning + HOUR, 'SOURCE_ERROR'), table({ ...before, held }))).toBe(true);
  });
});
