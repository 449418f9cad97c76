import type { Instant, KeyState, LocalDate, PeriodKey, SourceKey, TableColumn, TableState } from '../core/words.ts';
import type { Reading, TableQuery } from './destination.ts';

/** A TableState while it is being filled. */
export interface Draft extends TableState {
  readonly query: TableQuery;
  rows: number;
  ledgerRows: number;
  holds: TableState['holds'];
  readonly columns: readonly TableColumn[];
  readonly states: Map<PeriodKey, KeyState>;
  readonly present: Map<PeriodKey, number>;
  readonly firstPlanned: Map<SourceKey, LocalDate>;
  readonly answerMs: Map<SourceKey, number>;
  readonly instances: string[];
}

/** `columns`: undefined where there is no such table. */
export function draft(query: TableQuery, columns: readonly TableColumn[] | undefined): Draft {
  return {
    query,
    exists: columns !== undefined,
    rows: 0,
    ledgerRows: 0,
    holds: undefined,
    columns: columns ?? [],
    states: new Map(),
    present: new Map(),
    firstPlanned: new Map(),
    answerMs: new Map(),
    instances: [],
  };
}

export function finished(drafts: readonly Draft[]): ReadonlyMap<string, TableState> {
  return new Map(drafts.map(({ query, ...state }) => [query.name, state]));
}

/** What is read where nothing was ever made. */
export function nothing(queries: readonly TableQuery[]): Reading {
  return { tables: finished(queries.map((query) => draft(query, undefined))), others: [] };
}

/** Whether there is something to count by: a table that is not ours has no keys. */
export function hasKeys(table: Draft): boolean {
  const names = new Set(table.columns.map(({ name }) => name));
  return ['_period_key', '_period_date', '_load_id'].every((name) => names.has(name));
}

/** Keys that the ledger knows have 0 rows until they are counted: a key that the table lacks is told from one not asked for. */
export function countFromNothing(table: Draft): void {
  const from = table.query.detailFrom;
  if (from === undefined) return;
  for (const [key, state] of table.states) if (state.periodDate >= from) table.present.set(key, 0);
}

/** A note that is newer than its key's state. */
export interface Note {
  readonly key: PeriodKey;
  readonly outcome: 'held' | 'failed';
  readonly code: string;
  readonly at: Instant;
  readonly source: SourceKey;
  readonly date: LocalDate;
  readonly start: Instant;
  readonly end: Instant;
}

/** Notes are added oldest first, after the states, so that the last one seen of a key is its newest. */
export function addNote(table: Draft, note: Note): void {
  const { at, code, key } = note;
  const before = table.states.get(key) ?? stateless(note);
  const failed = before.failed && { ...before.failed, last: false };
  table.states.set(
    key,
    note.outcome === 'held'
      ? { ...before, failed, held: { at, code } }
      : { ...before, failed: { at, code, last: true } },
  );
}

/** A key that has notes alone. */
function stateless({ source, date, start, end, at }: Note): KeyState {
  return {
    source,
    orgId: undefined,
    periodDate: date,
    start,
    end,
    outcome: undefined,
    closed: false,
    settled: false,
    rows: 0,
    rowsLoadId: undefined,
    policy: '',
    requestedAt: at,
    held: undefined,
    failed: undefined,
    detail: undefined,
  };
}
