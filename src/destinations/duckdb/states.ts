import type { KeyState, LocalDate, StateOutcome } from '../../core/words.ts';
import type { Attached } from './connect.ts';
import type { Draft } from './read.ts';
import { texts } from './texts.ts';

/** Turns what chooseNewest left into the drafts' key states. */
export async function fetchKeyStates(file: Attached, drafts: readonly Draft[]): Promise<void> {
  await fetchStates(file, drafts);
  await fetchNotes(file, drafts);
}

/** What many keys have in common. */
interface Facet {
  readonly facet: number;
  readonly id: number;
  readonly source: string;
  readonly org_id: string | null;
  readonly outcome: StateOutcome;
  readonly closed: boolean;
  readonly settled: boolean;
  readonly policy: string | null;
}

type StateRow = readonly [
  facet: number,
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

/** As one text per key, with what repeats from key to key apart. */
async function fetchStates(file: Attached, drafts: readonly Draft[]): Promise<void> {
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE _exportd_facets AS
     SELECT (row_number() OVER ())::INTEGER - 1 AS facet, *
     FROM (SELECT DISTINCT id, source, org_id, outcome, closed, settled, policy FROM temp._exportd_states WHERE NOT void)`,
  );
  const facets = await file.connection.rows<Facet>('SELECT * FROM temp._exportd_facets ORDER BY facet');
  const rows = texts(
    file,
    `SELECT json_array(f.facet, s.period_key, s.period_date, epoch_ms(s.period_start), epoch_ms(s.period_end),
       s.row_count, s.rows_load_id, epoch_ms(s.extracted_at), s.detail)::VARCHAR
     FROM temp._exportd_states s
     JOIN temp._exportd_facets f ON f.id = s.id AND f.source = s.source AND f.outcome = s.outcome
       AND f.closed = s.closed AND f.settled = s.settled
       AND f.org_id IS NOT DISTINCT FROM s.org_id AND f.policy IS NOT DISTINCT FROM s.policy
     WHERE NOT s.void`,
  );
  for await (const chunk of rows) {
    for (const text of chunk) {
      const row = JSON.parse(text) as StateRow;
      const facet = facets[row[0]];
      const table = facet === undefined ? undefined : drafts[facet.id];
      if (facet === undefined || table === undefined) continue;
      table.states.set(row[1], keyState(facet, row));
      table.ledgerRows += row[5];
    }
  }
}

function keyState(
  facet: Facet,
  [, , periodDate, start, end, rows, rowsLoadId, requestedAt, detail]: StateRow,
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
