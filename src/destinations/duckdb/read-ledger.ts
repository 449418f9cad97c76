import type { KeyState, LocalDate, StateOutcome } from '../../core/words.ts';
import { quoteName } from '../../duckdb/engine.ts';
import { LEDGER_COLUMNS, type Orphan } from '../destination.ts';
import type { Attached } from './connect.ts';
import { holdsOf, type Identity } from './holds.ts';
import type { Draft } from './read.ts';
import { LEDGER, NATIVE_TYPES, type Relation, STATES_SQL } from './schema.ts';
import { texts } from './texts.ts';

/** Who is asking, and since when another exportd's rows make it a neighbour (milliseconds since 1970). */
export interface Neighbourhood {
  readonly instance: string;
  readonly since: number;
}

/**
 * Fills the drafts with what the ledger says, and returns the tables that nobody asked for.
 *
 * Ten million ledger rows and 365,000 keys take seconds: the newest row of each key is chosen by the database over a
 * few columns; only then are its other columns fetched, as one text per key (decoded three times as fast as a value
 * per column), with what repeats from key to key apart.
 */
export async function readLedger(
  file: Attached,
  ledger: Relation,
  drafts: readonly Draft[],
  neighbourhood: Neighbourhood,
): Promise<Orphan[]> {
  const rows = ledgerSql(file, ledger);
  await bindAsked(file, drafts);
  await chooseStates(file, rows);
  await chooseNotes(file, rows);
  await fetchStates(file, drafts);
  await fetchNotes(file, drafts);
  await fetchSummaries(file, drafts);
  await fetchNeighbours(file, rows, drafts, neighbourhood);
  return await fetchOthers(file, rows);
}

/** The ledger with all of this version's columns; one that an older version made has nulls for those it lacks. */
function ledgerSql(file: Attached, ledger: Relation): string {
  const there = new Set(ledger.columns.map(({ name }) => name));
  const columns = LEDGER_COLUMNS.map(({ name, type }) =>
    there.has(name) ? quoteName(name) : `NULL::${NATIVE_TYPES[type]} AS ${quoteName(name)}`,
  );
  return `(SELECT rowid AS row_id, ${columns.join(', ')} FROM ${file.table(LEDGER)})`;
}

async function bindAsked(file: Attached, drafts: readonly Draft[]): Promise<void> {
  const asked = drafts.map(({ query }, id) => ({ id, name: query.name, detail_from: query.detailFrom ?? null }));
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE _exportd_asked AS
     SELECT unnest(from_json($asked, '[{"id":"INTEGER","name":"VARCHAR","detail_from":"DATE"}]'), recursive := true)`,
    { asked: JSON.stringify(asked) },
  );
}

/** Every key's newest state row. `void`: older than the table's newest reset. `planned`: a plan asked for the key once. */
async function chooseStates(file: Attached, ledger: string): Promise<void> {
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE _exportd_resets AS
     SELECT a.id, max(l.loaded_at) AS loaded_at, arg_max(l.load_id, (l.loaded_at, l.load_id)) AS load_id
     FROM ${ledger} l JOIN temp._exportd_asked a ON a.name = l.table_name WHERE l.outcome = 'reset' GROUP BY a.id`,
  );
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE _exportd_states AS
     WITH newest AS (
       SELECT a.id, arg_max(l.row_id, (l.loaded_at, l.load_id)) AS row_id, bool_or(l.reason <> 'requested') AS planned
       FROM ${ledger} l JOIN temp._exportd_asked a ON a.name = l.table_name
       WHERE l.outcome IN (${STATES_SQL})
       GROUP BY a.id, l.period_key)
     SELECT n.id, n.planned, r.id IS NOT NULL AND (l.loaded_at, l.load_id) <= (r.loaded_at, r.load_id) AS void, l.* EXCLUDE (row_id, table_name)
     FROM newest n JOIN ${ledger} l ON l.row_id = n.row_id LEFT JOIN temp._exportd_resets r ON r.id = n.id`,
  );
}

/** Every key's newest note of each kind, where it is newer than the state row and the reset. */
async function chooseNotes(file: Attached, ledger: string): Promise<void> {
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE _exportd_notes AS
     WITH newest AS (
       SELECT a.id, l.period_key, arg_max(l.row_id, (l.loaded_at, l.load_id)) AS row_id
       FROM ${ledger} l JOIN temp._exportd_asked a ON a.name = l.table_name
       WHERE l.outcome IN ('held', 'failed')
       GROUP BY a.id, l.period_key, l.outcome)
     SELECT n.id, l.* EXCLUDE (row_id, table_name)
     FROM newest n JOIN ${ledger} l ON l.row_id = n.row_id
     LEFT JOIN temp._exportd_resets r ON r.id = n.id
     LEFT JOIN temp._exportd_states s ON s.id = n.id AND s.period_key = n.period_key AND NOT s.void
     WHERE (r.id IS NULL OR (l.loaded_at, l.load_id) > (r.loaded_at, r.load_id))
       AND (s.load_id IS NULL OR (l.loaded_at, l.load_id) > (s.loaded_at, s.load_id))`,
  );
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
       s.row_count, s.rows_load_id, epoch_ms(s.extracted_at),
       CASE WHEN s.period_date >= a.detail_from OR NOT s.settled OR h.period_key IS NOT NULL
         THEN json_array(s.body_digest, s.fingerprint, s.totals) END)::VARCHAR
     FROM temp._exportd_states s
     JOIN temp._exportd_asked a ON a.id = s.id
     JOIN temp._exportd_facets f ON f.id = s.id AND f.source = s.source AND f.outcome = s.outcome
       AND f.closed = s.closed AND f.settled = s.settled
       AND f.org_id IS NOT DISTINCT FROM s.org_id AND f.policy IS NOT DISTINCT FROM s.policy
     LEFT JOIN temp._exportd_notes h ON h.id = s.id AND h.period_key = s.period_key AND h.outcome = 'held'
     WHERE NOT s.void`,
  );
  for await (const text of rows) {
    const row = JSON.parse(text) as StateRow;
    const facet = facets[row[0]];
    const table = facet === undefined ? undefined : drafts[facet.id];
    if (facet === undefined || table === undefined) continue;
    table.states.set(row[1], keyState(facet, row));
    table.ledgerRows += row[5];
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

/** Oldest first, so that the last one seen of a key is its newest. */
async function fetchNotes(file: Attached, drafts: readonly Draft[]): Promise<void> {
  const notes = await file.connection.rows<Note>(
    `SELECT id, period_key, outcome, coalesce(error_code, '') AS code, epoch_ms(extracted_at)::DOUBLE AS at, source,
       period_date::VARCHAR AS date, epoch_ms(period_start)::DOUBLE AS start, epoch_ms(period_end)::DOUBLE AS "end"
     FROM temp._exportd_notes ORDER BY loaded_at, load_id`,
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

/** Of the newest loads that the forecast looks at. */
const RECENT_LOADS = 20;

async function fetchSummaries(file: Attached, drafts: readonly Draft[]): Promise<void> {
  const identities = await file.connection.rows<Identity & { id: number }>(
    `SELECT id, data_type, group_by, grain, span::INTEGER AS span, source, timezone
     FROM temp._exportd_states WHERE NOT void GROUP BY ALL ORDER BY max(loaded_at) DESC`,
  );
  for (const [id, ofTable] of Map.groupBy(identities, (row) => row.id)) {
    const table = drafts[id];
    if (table?.exists) table.holds = holdsOf(ofTable);
  }
  const sources = await file.connection.rows<{
    id: number;
    source: string;
    first: LocalDate | null;
    ms: number | null;
  }>(
    `SELECT id, source, min(period_date) FILTER (planned)::VARCHAR AS first,
       list_aggregate(max_by(answer_ms, loaded_at, ${RECENT_LOADS}), 'median')::DOUBLE AS ms
     FROM temp._exportd_states GROUP BY id, source`,
  );
  for (const { id, source, first, ms } of sources) {
    if (first !== null) drafts[id]?.firstPlanned.set(source, first);
    if (ms !== null) drafts[id]?.answerMs.set(source, Math.round(ms));
  }
}

async function fetchNeighbours(
  file: Attached,
  ledger: string,
  drafts: readonly Draft[],
  { instance, since }: Neighbourhood,
): Promise<void> {
  const rows = await file.connection.rows<{ id: number; instance: string }>(
    `SELECT DISTINCT a.id, l.instance FROM ${ledger} l JOIN temp._exportd_asked a ON a.name = l.table_name
     WHERE l.loaded_at >= CAST($since AS TIMESTAMPTZ) AND l.instance <> $instance ORDER BY ALL`,
    { since: new Date(since).toISOString(), instance },
  );
  for (const row of rows) drafts[row.id]?.instances.push(row.instance);
}

async function fetchOthers(file: Attached, ledger: string): Promise<Orphan[]> {
  const rows = await file.connection.rows<{ name: string; job: string; at: number }>(
    `SELECT table_name AS name, arg_max(job, (loaded_at, load_id)) AS job, epoch_ms(max(loaded_at))::DOUBLE AS at
     FROM ${ledger} l ANTI JOIN temp._exportd_asked a ON a.name = l.table_name
     WHERE outcome IN (${STATES_SQL}) GROUP BY table_name ORDER BY table_name`,
  );
  return rows.map(({ name, job, at }) => ({ table: name, job, lastLoad: at }));
}
