import type { KeyState, LocalDate, StateOutcome } from '../../core/words.ts';
import { idsInBatches } from './batches.ts';
import type { Attached } from './connect.ts';
import type { Draft } from './read.ts';

/** Turns what chooseNewest left into the drafts' key states. */
export async function fetchKeyStates(file: Attached, drafts: readonly Draft[]): Promise<void> {
  await fetchStates(file, drafts);
  await fetchNotes(file, drafts);
}

/** What many keys of a table have in common. */
interface Facet {
  readonly id: number;
  readonly source: string;
  readonly org_id: string | null;
  readonly outcome: StateOutcome;
  readonly closed: boolean;
  readonly settled: boolean;
  readonly policy: string | null;
}

type StateRow = readonly [
  key: string,
  periodDate: LocalDate,
  start: number,
  end: number,
  rows: number,
  rowsLoadId: string | null,
  requestedAt: number,
  detail:
    | readonly [bodyDigest: string | null, fingerprint: string | null, totals: Record<string, string> | null]
    | null,
];

/** Fetched as one text of all keys that have a facet in common: key by key takes three times as long. */
async function fetchStates(file: Attached, drafts: readonly Draft[]): Promise<void> {
  for (const [first, last] of idsInBatches(drafts)) {
    const facets = await file.connection.rows<Facet & { rows: string }>(
      `SELECT id, source, org_id, outcome, closed, settled, policy,
         '[' || string_agg(json_array(period_key, period_date, epoch_ms(period_start), epoch_ms(period_end),
           row_count, rows_load_id, epoch_ms(extracted_at), detail)::VARCHAR, ',') || ']' AS rows
       FROM temp._exportd_states WHERE NOT void AND id BETWEEN $first AND $last
       GROUP BY id, source, org_id, outcome, closed, settled, policy`,
      { first, last },
    );
    for (const { rows, ...facet } of facets) {
      const table = drafts[facet.id];
      if (table === undefined) continue;
      for (const row of JSON.parse(rows) as StateRow[]) {
        const [key, , , , rowCount] = row;
        table.states.set(key, keyState(facet, row));
        table.ledgerRows += rowCount;
      }
    }
  }
}

function keyState(
  facet: Facet,
  [, periodDate, start, end, rows, rowsLoadId, requestedAt, detail]: StateRow,
): KeyState {
  return {
    source: facet.source,
    orgId: facet.org_id ?? undefined,
    periodDate,
    start,
    end,
    outcome: facet.outcome,
    closed: facet.closed,
    settled: facet.settled,
    rows,
    rowsLoadId: rowsLoadId ?? undefined,
    policy: facet.policy ?? '',
    requestedAt,
    held: undefined,
    failed: undefined,
    detail:
      detail === null
        ? undefined
        : { bodyDigest: detail[0] ?? undefined, fingerprint: detail[1] ?? undefined, totals: detail[2] ?? {} },
  };
}

interface Note {
  readonly id: number;
  readonly period_key: string;
  readonly outcome: 'held' | 'failed';
  readonly code: string;
  readonly at: number;
  readonly source: string;
  readonly date: LocalDate;
  readonly start: number;
  readonly end: number;
}

/** Notes newer than their key's state; oldest first, so that the last one seen of a key is its newest. */
async function fetchNotes(file: Attached, drafts: readonly Draft[]): Promise<void> {
  const notes = await file.connection.rows<Note>(
    `SELECT n.id, n.period_key, n.outcome, coalesce(n.error_code, '') AS code, epoch_ms(n.extracted_at)::DOUBLE AS at,
       n.source, n.period_date::VARCHAR AS date, epoch_ms(n.period_start)::DOUBLE AS start,
       epoch_ms(n.period_end)::DOUBLE AS "end"
     FROM temp._exportd_notes n
     LEFT JOIN temp._exportd_states s ON s.id = n.id AND s.period_key = n.period_key AND NOT s.void
     WHERE s.id IS NULL OR (n.loaded_at, n.load_id) > (s.loaded_at, s.load_id)
     ORDER BY n.loaded_at, n.load_id`,
  );
  for (const note of notes) {
    const states = drafts[note.id]?.states;
    const before = states?.get(note.period_key) ?? stateless(note);
    const failed = before.failed && { ...before.failed, last: false };
    const { at, code } = note;
    states?.set(
      note.period_key,
      note.outcome === 'held'
        ? { ...before, failed, held: { at, code } }
        : { ...before, failed: { at, code, last: true } },
    );
  }
}

/** A key that has notes alone. */
function stateless(note: Note): KeyState {
  return {
    source: note.source,
    orgId: undefined,
    periodDate: note.date,
    start: note.start,
    end: note.end,
    outcome: undefined,
    closed: false,
    settled: false,
    rows: 0,
    rowsLoadId: undefined,
    policy: '',
    requestedAt: note.at,
    held: undefined,
    failed: undefined,
    detail: undefined,
  };
}
