import type { Instant, KeyState, PeriodKey, TableState } from './words.ts';

/**
 * What the ledger says of a key, as far as it holds: a table that is gone voids every state, and every note that stood
 * on one. Notes of a key that never had a state stay, so that a source whose first run was held is not asked all day.
 */
export function stateOf(table: TableState, key: PeriodKey): KeyState | undefined {
  const state = table.states.get(key);
  return state !== undefined && holds(table, state) ? state : undefined;
}

/** Whether a state of this table holds, see stateOf. */
export function holds(table: TableState, state: KeyState): boolean {
  return table.exists || state.outcome === undefined;
}

/** True where the key's newest state row stands for an answer of the source, be it rows or none. */
export function isLoaded(state: KeyState | undefined): state is KeyState {
  return state?.outcome !== undefined && state.outcome !== 'forgotten';
}

/** When the request of the key's newest row left, note or state. */
export function newestRowAt(state: KeyState): Instant {
  if (state.failed?.last === true) return state.failed.at;
  return state.held?.at ?? state.requestedAt;
}

/**
 * True where the table still holds the rows that the ledger names for the key. A key whose rows were not counted counts
 * as whole where the table's total is right.
 */
export function isWhole(table: TableState, key: PeriodKey): boolean {
  const expected = stateOf(table, key)?.rows ?? 0;
  const present = table.present.get(key);
  return present === undefined ? table.rows === table.ledgerRows : present === expected;
}
