import type { Attached } from './connect.ts';
import { STATES_SQL } from './schema.ts';

/**
 * Leaves, as tables of the connection, the newest rows of every key of the tables in `temp._exportd_asked`:
 * `_exportd_states` and `_exportd_notes`. `ledger`: the ledger as something to select from, with its rowid as row_id.
 *
 * The newest row is chosen over a few columns; only then are its other columns looked up. Ten million rows take seconds.
 */
export async function chooseNewest(file: Attached, ledger: string): Promise<void> {
  await chooseResets(file, ledger);
  await chooseNotes(file, ledger);
  await chooseStates(file, ledger);
}

/** Gives the memory back before the tables themselves are read. */
export async function forgetNewest(file: Attached): Promise<void> {
  for (const name of ['states', 'notes', 'resets']) await file.connection.run(`DROP TABLE temp._exportd_${name}`);
}

/** Every table's newest reset, which voids all that is older. */
async function chooseResets(file: Attached, ledger: string): Promise<void> {
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE _exportd_resets AS
     SELECT a.id, max(l.loaded_at) AS loaded_at, arg_max(l.load_id, (l.loaded_at, l.load_id)) AS load_id
     FROM ${ledger} l JOIN temp._exportd_asked a ON a.name = l.table_name WHERE l.outcome = 'reset' GROUP BY a.id`,
  );
}

/** Every key's newest note of each kind that no reset voids. */
async function chooseNotes(file: Attached, ledger: string): Promise<void> {
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE _exportd_notes AS
     WITH newest AS (
       SELECT a.id, arg_max(l.row_id, (l.loaded_at, l.load_id)) AS row_id
       FROM ${ledger} l JOIN temp._exportd_asked a ON a.name = l.table_name
       WHERE l.outcome IN ('held', 'failed')
       GROUP BY a.id, l.period_key, l.outcome)
     SELECT n.id, l.period_key, l.outcome, l.error_code, l.source, l.period_date, l.period_start, l.period_end,
       l.extracted_at, l.loaded_at, l.load_id
     FROM newest n JOIN ${ledger} l ON l.row_id = n.row_id
     LEFT JOIN temp._exportd_resets r ON r.id = n.id
     WHERE r.id IS NULL OR (l.loaded_at, l.load_id) > (r.loaded_at, r.load_id)`,
  );
}

/**
 * Every key's newest state row. `void`: older than the table's newest reset. `planned`: a plan asked for the key once.
 * `loaded_at` alone tells the newest: no two transactions have the same (loadedAtSql), and in one a key has one state.
 */
async function chooseStates(file: Attached, ledger: string): Promise<void> {
  await file.connection.run(
    `CREATE OR REPLACE TEMP TABLE _exportd_states AS
     WITH newest AS (
       SELECT a.id, any_value(a.detail_from) AS detail_from,
         arg_max(l.row_id, l.loaded_at) AS row_id, bool_or(l.reason <> 'requested') AS planned
       FROM ${ledger} l JOIN temp._exportd_asked a ON a.name = l.table_name
       WHERE l.outcome IN (${STATES_SQL})
       GROUP BY a.id, l.period_key)
     SELECT n.id, n.planned, r.id IS NOT NULL AND (l.loaded_at, l.load_id) <= (r.loaded_at, r.load_id) AS void,
       l.row_id, l.period_key, l.source, l.org_id, l.period_date, l.period_start, l.period_end, l.outcome, l.closed,
       l.settled, l.row_count, l.rows_load_id, l.policy, l.answer_ms, l.extracted_at, l.loaded_at, l.load_id,
       CASE WHEN l.period_date >= n.detail_from OR NOT l.settled OR h.id IS NOT NULL
         THEN json_array(l.body_digest, l.fingerprint, l.totals) END AS detail
     FROM newest n JOIN ${ledger} l ON l.row_id = n.row_id
     LEFT JOIN temp._exportd_resets r ON r.id = n.id
     LEFT JOIN temp._exportd_notes h ON h.id = n.id AND h.period_key = l.period_key AND h.outcome = 'held'
       AND (h.loaded_at, h.load_id) > (l.loaded_at, l.load_id)`,
  );
}
