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
 * The restatements among a run's loads: row count or totals differ from the state before, and the policy does not.
 * Columns that tell what is true at export time change daily and mean nothing.
 * @param states by job name, as they were before the run
 */
export function restatements(
  entries: ReadonlyMap<PeriodKey, LedgerEntry>,
  states: ReadonlyMap<string, TableState>,
): Restatement[] {
  return [...entries].flatMap(([key, entry]) => {
    const before = states.get(entry.job)?.states.get(key);
    if (before === undefined || !isComparable(entry, before)) return [];
    const columns = changedTotals(entry, before);
    if (entry.rowCount === before.rows && columns.length === 0) return [];
    return [{ job: entry.job, key, rows: entry.rowCount, was: before.rows, columns }];
  });
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
