import type { LocalDate } from '../../core/words.ts';
import { quoteName } from '../../duckdb/engine.ts';
import { LEDGER_COLUMNS, type Orphan } from '../destination.ts';
import type { Draft } from '../draft.ts';
import { holdsOf, type Identity } from '../holds.ts';
import type { Neighbourhood } from '../neighbourhood.ts';
import type { Attached } from './connect.ts';
import { chooseNewest, forgetNewest } from './newest.ts';
import { LEDGER, NATIVE_TYPES, type Relation, STATES_SQL } from './schema.ts';
import { fetchKeyStates } from './states.ts';

/** Fills the drafts with what the ledger says, and returns the tables that nobody asked for. */
export async function readLedger(
  file: Attached,
  ledger: Relation,
  drafts: readonly Draft[],
  neighbourhood: Neighbourhood,
): Promise<Orphan[]> {
  const rows = ledgerSql(file, ledger);
  await bindAsked(file, drafts);
  await chooseNewest(file, rows);
  await fetchKeyStates(file, drafts);
  await fetchSummaries(file, rows, drafts);
  await fetchNeighbours(file, rows, drafts, neighbourhood);
  const others = await fetchOthers(file, rows);
  await forgetNewest(file);
  return others;
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

/** Of the newest loads that the forecast looks at. */
const RECENT_LOADS = 20;

async function fetchSummaries(file: Attached, ledger: string, drafts: readonly Draft[]): Promise<void> {
  const identities = await file.connection.rows<Identity & { id: number }>(
    `SELECT n.id, l.data_type, l.group_by, l.grain, l.span::INTEGER AS span, l.source, l.timezone
     FROM (SELECT id, arg_max(row_id, loaded_at) AS row_id FROM temp._exportd_states WHERE NOT void GROUP BY id, source) n
     JOIN ${ledger} l ON l.row_id = n.row_id ORDER BY l.loaded_at DESC`,
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
    `SELECT table_name AS name, arg_max(job, loaded_at) AS job, epoch_ms(max(loaded_at))::DOUBLE AS at
     FROM ${ledger} l ANTI JOIN temp._exportd_asked a ON a.name = l.table_name
     WHERE outcome IN (${STATES_SQL}) GROUP BY table_name ORDER BY table_name`,
  );
  return rows.map(({ name, job, at }) => ({ table: name, job, lastLoad: at }));
}
