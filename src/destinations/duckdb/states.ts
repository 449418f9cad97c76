import type { Instant, LoadId, LocalDate, PeriodKey, StateOutcome } from '../../core/words.ts';
import { addNote, type Draft, type Note } from '../draft.ts';
import { idsInBatches } from './batches.ts';
import type { Attached } from './connect.ts';

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

/** Of the keys of a facet, column by column. */
interface KeyColumns {
  readonly keys: readonly PeriodKey[];
  readonly dates: readonly LocalDate[];
  readonly starts: readonly Instant[];
  readonly ends: readonly Instant[];
  readonly rows: readonly number[];
  readonly loads: readonly (LoadId | null)[];
  readonly requested: readonly Instant[];
  readonly details: readonly (Detail | null)[];
}

type Detail = readonly [bodyDigest: string | null, fingerprint: string | null, totals: Record<string, string> | null];

/** Fetched as one text for all keys of a facet: value by value takes several times as long. */
async function fetchStates(file: Attached, drafts: readonly Draft[]): Promise<void> {
  for (const [first, last] of idsInBatches(drafts)) {
    const facets = await file.connection.rows<Facet & { columns: string }>(
      `SELECT id, source, org_id, outcome, closed, settled, policy,
         json_object('keys', list(period_key), 'dates', list(period_date), 'starts', list(epoch_ms(period_start)),
           'ends', list(epoch_ms(period_end)), 'rows', list(row_count), 'loads', list(rows_load_id),
           'requested', list(epoch_ms(extracted_at)), 'details', list(detail))::VARCHAR AS columns
       FROM temp._exportd_states WHERE NOT void AND id BETWEEN $first AND $last
       GROUP BY id, source, org_id, outcome, closed, settled, policy`,
      { first, last },
    );
    for (const { columns, ...facet } of facets) {
      const table = drafts[facet.id];
      if (table !== undefined) addStates(table, facet, JSON.parse(columns) as KeyColumns);
    }
  }
}

function addStates(table: Draft, facet: Facet, columns: KeyColumns): void {
  for (const [index, key] of columns.keys.entries()) {
    const detail = columns.details[index];
    const rows = columns.rows[index] ?? 0;
    table.ledgerRows += rows;
    table.states.set(key, {
      source: facet.source,
      orgId: facet.org_id ?? undefined,
      periodDate: columns.dates[index] ?? '',
      start: columns.starts[index] ?? 0,
      end: columns.ends[index] ?? 0,
      outcome: facet.outcome,
      closed: facet.closed,
      settled: facet.settled,
      rows,
      rowsLoadId: columns.loads[index] ?? undefined,
      policy: facet.policy ?? '',
      requestedAt: columns.requested[index] ?? 0,
      held: undefined,
      failed: undefined,
      detail: detail
        ? { bodyDigest: detail[0] ?? undefined, fingerprint: detail[1] ?? undefined, totals: detail[2] ?? {} }
        : undefined,
    });
  }
}

interface NoteRow extends Note {
  readonly id: number;
}

/** Notes newer than their key's state. */
async function fetchNotes(file: Attached, drafts: readonly Draft[]): Promise<void> {
  const notes = await file.connection.rows<NoteRow>(
    `SELECT n.id, n.period_key AS key, n.outcome, coalesce(n.error_code, '') AS code,
       epoch_ms(n.extracted_at)::DOUBLE AS at, n.source, n.period_date::VARCHAR AS date,
       epoch_ms(n.period_start)::DOUBLE AS start, epoch_ms(n.period_end)::DOUBLE AS "end"
     FROM temp._exportd_notes n
     LEFT JOIN temp._exportd_states s ON s.id = n.id AND s.period_key = n.period_key AND NOT s.void
     WHERE s.id IS NULL OR (n.loaded_at, n.load_id) > (s.loaded_at, s.load_id)
     ORDER BY n.loaded_at, n.load_id`,
  );
  for (const note of notes) {
    const table = drafts[note.id];
    if (table !== undefined) addNote(table, note);
  }
}
