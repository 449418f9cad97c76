import type { KeyState, LedgerEntry, PeriodKey, TableState } from '../core/words.ts';

/** A period whose usage is not what it was when it was last loaded. */
export interface Restatement {
  readonly job: string;
  readonly key: PeriodKey;
  readonly rows: number;
  readonly was: number;
  /** Columns whose sums differ. */
  readonly columns: readonly string[];
}

/**
 * What a load restated: its row count or totals differ from the state before, and the policy does not. Columns that tell
 * what is true at export time change daily and mean nothing.
 * @param states by job name, as they were before the run
 */
export function restatementOf(entry: LedgerEntry, states: ReadonlyMap<string, TableState>): Restatement | undefined {
  const { job, periodKey: key, rowCount: rows } = entry;
  const before = states.get(job)?.states.get(key);
  if (before === undefined || !isComparable(entry, before)) return undefined;
  const columns = changedTotals(entry, before);
  if (rows === before.rows && columns.length === 0) return undefined;
  return { job, key, rows, was: before.rows, columns };
}

function isComparable(entry: LedgerEntry, before: KeyState): boolean {
  const isNew = entry.outcome === 'loaded' || entry.outcome === 'empty';
  const wasThere = before.outcome !== undefined && before.outcome !== 'forgotten';
  return isNew && wasThere && entry.policy === before.policy;
}

/** None where the totals of before were not read. */
function changedTotals(entry: LedgerEntry, before: KeyState): string[] {
  const totals = before.detail?.totals;
  if (totals === undefined || entry.outcome === 'empty') return [];
  return Object.keys({ ...totals, ...entry.totals }).filter((column) => totals[column] !== entry.totals[column]);
}
