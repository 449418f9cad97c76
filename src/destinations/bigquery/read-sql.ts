import { LEDGER_COLUMNS } from '../destination.ts';
import { KEYS_PER_SOURCE } from '../holds.ts';
import type { Neighbourhood } from '../neighbourhood.ts';
import { NATIVE_TYPES } from './schema.ts';
import { named, quoteName, type Statement, scalar } from './sql.ts';
import { STATES_SQL } from './state-sql.ts';

/** A table that is asked for; `table`: its name in SQL where it is there and has keys to count. */
export interface Asked {
  readonly id: number;
  readonly name: string;
  readonly detailFrom: string | undefined;
  readonly table: string | undefined;
}

export interface Ledger {
  readonly table: string;
  /** Columns that it has: one that an older version made may lack some. */
  readonly columns: ReadonlySet<string>;
}

/** Of the newest loads that the forecast looks at. */
const RECENT_LOADS = 20;

/**
 * All that a plan needs of the tables, as one statement: rows of (kind, id, said), the last as JSON; see said.ts for what
 * each kind says. The newest rows are chosen here: microseconds become milliseconds on the way.
 */
export function readStatement(
  ledger: Ledger | undefined,
  asked: readonly Asked[],
  { instance, since }: Neighbourhood,
): Statement | undefined {
  const counts = asked.flatMap(({ id, table, detailFrom }) =>
    table === undefined || detailFrom === undefined ? [] : [presentSql(id, table)],
  );
  if (ledger === undefined && counts.length === 0) return undefined;
  const dates = asked.flatMap(({ id, table, detailFrom }) =>
    table === undefined || detailFrom === undefined ? [] : [scalar(`from${id}`, 'DATE', detailFrom)],
  );
  if (ledger === undefined) return { sql: counts.join('\nUNION ALL\n'), parameters: dates };
  return {
    sql: `${ledgerSql(ledger)}\n${[...SAID, ...counts].join('\nUNION ALL\n')}`,
    parameters: [
      scalar(
        'asked',
        'STRING',
        JSON.stringify(asked.map(({ id, name, detailFrom }) => ({ id, name, from: detailFrom }))),
      ),
      scalar('instance', 'STRING', instance),
      scalar('since', 'TIMESTAMP', new Date(since).toISOString()),
      ...dates,
    ],
  };
}

/** Rows that the table holds now, of keys from a date on. */
function presentSql(id: number, table: string): string {
  return `SELECT 'present' AS kind, ${id} AS id, TO_JSON_STRING(STRUCT(_period_key AS key, COUNT(*) AS n)) AS said
FROM ${table} WHERE _period_date >= @from${id} AND _period_key IS NOT NULL GROUP BY _period_key`;
}

function ledgerSql({ table, columns }: Ledger): string {
  const all = LEDGER_COLUMNS.map(({ name, type }) =>
    columns.has(name) ? quoteName(name) : `CAST(NULL AS ${NATIVE_TYPES[type]}) AS ${quoteName(name)}`,
  );
  return `WITH asked AS (
  SELECT CAST(JSON_VALUE(a, '$.id') AS INT64) AS id, JSON_VALUE(a, '$.name') AS name,
    CAST(JSON_VALUE(a, '$.from') AS DATE) AS detail_from
  FROM UNNEST(JSON_QUERY_ARRAY(@asked)) AS a
),
ledger AS (SELECT ${all.join(', ')} FROM ${table}),
loads AS (SELECT a.id, a.detail_from, l.* FROM ledger AS l JOIN asked AS a ON a.name = l.table_name),
resets AS (SELECT id, MAX(loaded_at) AS reset_at FROM loads WHERE outcome = 'reset' GROUP BY id),
states AS (
  SELECT l.*, r.reset_at IS NOT NULL AND l.loaded_at <= r.reset_at AS is_void,
    MAX(IF(l.reason != 'requested', 1, 0)) OVER (PARTITION BY l.id, l.period_key) AS planned
  FROM loads AS l LEFT JOIN resets AS r ON r.id = l.id
  WHERE l.outcome IN (${STATES_SQL})
  QUALIFY ROW_NUMBER() OVER (PARTITION BY l.id, l.period_key ORDER BY l.loaded_at DESC, l.load_id DESC) = 1
),
notes AS (
  SELECT l.* FROM loads AS l LEFT JOIN resets AS r ON r.id = l.id
  WHERE l.outcome IN ('held', 'failed') AND (r.reset_at IS NULL OR l.loaded_at > r.reset_at)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY l.id, l.period_key, l.outcome ORDER BY l.loaded_at DESC, l.load_id DESC) = 1
),
newer_notes AS (
  SELECT n.* FROM notes AS n
  LEFT JOIN states AS s ON s.id = n.id AND s.period_key = n.period_key AND NOT s.is_void
  WHERE s.id IS NULL OR n.loaded_at > s.loaded_at OR (n.loaded_at = s.loaded_at AND n.load_id > s.load_id)
)`;
}

const STATE = `SELECT 'state' AS kind, s.id AS id, TO_JSON_STRING(STRUCT(
  s.period_key AS key, s.source AS source, s.org_id AS org, CAST(s.period_date AS STRING) AS date,
  UNIX_MILLIS(s.period_start) AS start_ms, UNIX_MILLIS(s.period_end) AS end_ms, s.outcome AS outcome, s.closed AS closed,
  s.settled AS settled, s.row_count AS row_count, s.rows_load_id AS load, s.policy AS policy,
  UNIX_MILLIS(s.extracted_at) AS requested_ms,
  IF(s.period_date >= s.detail_from OR NOT s.settled OR h.id IS NOT NULL,
    STRUCT(s.body_digest AS digest, s.fingerprint AS fingerprint, TO_JSON_STRING(s.totals) AS totals), NULL) AS detail
)) AS said
FROM states AS s
LEFT JOIN newer_notes AS h ON h.id = s.id AND h.period_key = s.period_key AND h.outcome = 'held'
WHERE NOT s.is_void`;

const NOTE = `SELECT 'note' AS kind, id, TO_JSON_STRING(STRUCT(
  period_key AS key, outcome AS outcome, IFNULL(error_code, '') AS code, UNIX_MILLIS(extracted_at) AS at_ms,
  source AS source,
  CAST(period_date AS STRING) AS date, UNIX_MILLIS(period_start) AS start_ms, UNIX_MILLIS(period_end) AS end_ms,
  UNIX_MICROS(loaded_at) AS loaded_us, load_id AS load
)) AS said FROM newer_notes`;

const IDENTITY = `SELECT 'identity' AS kind, id, TO_JSON_STRING(STRUCT(
  ${named(['data_type', 'group_by', 'grain', 'span', 'source', 'timezone'])}, UNIX_MICROS(loaded_at) AS loaded_us
)) AS said
FROM (
  SELECT * FROM states WHERE NOT is_void
  QUALIFY ROW_NUMBER() OVER (PARTITION BY id, source ORDER BY loaded_at DESC, load_id DESC) = 1
)`;

const SOURCE = `SELECT 'source' AS kind, id, TO_JSON_STRING(STRUCT(
  source AS source, CAST(MIN(IF(planned = 1, period_date, NULL)) AS STRING) AS planned_from,
  ARRAY_AGG(answer_ms IGNORE NULLS ORDER BY loaded_at DESC LIMIT ${RECENT_LOADS}) AS answers
)) AS said FROM states GROUP BY id, source`;

const NEIGHBOUR = `SELECT 'neighbour' AS kind, id, TO_JSON_STRING(STRUCT(instance AS instance)) AS said
FROM (SELECT DISTINCT id, instance FROM loads WHERE loaded_at >= @since AND instance != @instance)`;

const OTHER = `SELECT 'other' AS kind, -1 AS id, TO_JSON_STRING(STRUCT(
  table_name AS name, ARRAY_AGG(job ORDER BY loaded_at DESC LIMIT 1)[OFFSET(0)] AS job, UNIX_MILLIS(MAX(loaded_at)) AS at_ms
)) AS said
FROM ledger WHERE outcome IN (${STATES_SQL}) AND table_name NOT IN (SELECT name FROM asked) GROUP BY table_name`;

const SAID = [STATE, NOTE, IDENTITY, SOURCE, NEIGHBOUR, OTHER];

/** The newest keys of each source that the table itself holds; for tables that the ledger knows nothing of. */
export function keysStatement(table: string): Statement {
  // Every row has a date; the filter is for tables that demand one.
  return {
    sql: `SELECT _period_key FROM (
  SELECT DISTINCT _source, _period_key, _period_date FROM ${table}
  WHERE _period_date >= DATE '0001-01-01' AND _period_key IS NOT NULL
)
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY _source ORDER BY _period_date DESC, _period_key DESC) <= ${KEYS_PER_SOURCE}`,
    parameters: [],
  };
}
