import type { Instant, KeyState, LedgerEntry, LocalDate, Outcome, PeriodKey, TableState } from '../core/words.ts';

/**
 * A job's table as it was last read, and what has ended since: a warehouse is never asked for it. Small: it lives as
 * long as the daemon, one for each job, so that what only a judge needs is left out.
 */
export class TablePicture {
  readonly #states = new Map<PeriodKey, KeyState>();
  readonly #firstPlanned: Map<string, LocalDate>;
  readonly #timezones: Map<string, string>;
  #table: TableState;

  constructor(read: TableState, words: Words) {
    for (const [key, state] of read.states) this.#states.set(key, slim(state, words));
    this.#firstPlanned = new Map(read.firstPlanned);
    this.#timezones = new Map(read.holds?.timezones);
    this.#table = {
      ...read,
      holds: read.holds && { ...read.holds, timezones: this.#timezones },
      columns: [],
      states: this.#states,
      present: new Map(),
      firstPlanned: this.#firstPlanned,
    };
  }

  /** What `jobStatus` judges. */
  get table(): TableState {
    return this.#table;
  }

  /** A period ended, and its row was written, or need not be because it says what the ledger says already. */
  ended(entry: LedgerEntry, words: Words): void {
    const { outcome, periodKey: key } = entry;
    const before = this.#states.get(key);
    if (outcome === 'held' || outcome === 'failed') {
      this.#states.set(key, noted(before ?? unloaded(entry, words), outcome, entry));
      return;
    }
    this.#states.set(key, { ...unloaded(entry, words), outcome, closed: entry.closed, settled: entry.settled });
    this.#cameTo(entry);
  }

  /** The table is there, and is the job's. */
  #cameTo({ source, timezone, periodDate, reason, dataType, groupBy, grain, span }: LedgerEntry): void {
    const first = this.#firstPlanned.get(source);
    if (reason !== 'requested' && (first === undefined || periodDate < first)) {
      this.#firstPlanned.set(source, periodDate);
    }
    this.#timezones.set(source, timezone);
    if (this.#table.exists && this.#table.holds !== undefined) return;
    const holds = { report: { dataType, groupBy }, grain, span, timezones: this.#timezones };
    this.#table = { ...this.#table, exists: true, holds };
  }
}

/** Gives equal texts one place in memory: a warehouse's driver makes a new one for every row. */
export type Words = (text: string) => string;

/** Of all texts that were seen; for texts of which there are few (dates, digests of policies). */
export function oneOfEach(): Words {
  const known = new Map<string, string>();
  return (text) => {
    const first = known.get(text);
    if (first === undefined) known.set(text, text);
    return first ?? text;
  };
}

function slim(state: KeyState, words: Words): KeyState {
  return {
    ...state,
    source: words(state.source),
    orgId: undefined,
    periodDate: words(state.periodDate),
    rowsLoadId: undefined,
    policy: words(state.policy),
    detail: undefined,
  };
}

function unloaded(entry: LedgerEntry, words: Words): KeyState {
  return {
    source: words(entry.source),
    orgId: undefined,
    periodDate: words(entry.periodDate),
    start: entry.periodStart,
    end: entry.periodEnd,
    outcome: undefined,
    closed: false,
    settled: false,
    rows: entry.outcome === 'held' || entry.outcome === 'failed' ? 0 : entry.rowCount,
    rowsLoadId: undefined,
    policy: words(entry.policy),
    requestedAt: entry.extractedAt,
    held: undefined,
    failed: undefined,
    detail: undefined,
  };
}

function noted(before: KeyState, outcome: Outcome, { extractedAt, errorCode }: LedgerEntry): KeyState {
  const note: { readonly at: Instant; readonly code: string } = { at: extractedAt, code: errorCode ?? 'INTERNAL' };
  return outcome === 'held'
    ? { ...before, held: note, failed: before.failed && { ...before.failed, last: false } }
    : { ...before, failed: { ...note, last: true } };
}
