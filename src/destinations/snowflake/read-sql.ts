import { LEDGER_COLUMNS } from '../destination.ts';
import { KEYS_PER_SOURCE } from '../holds.ts';
import type { Neighbourhood } from '../neighbourhood.ts';
import { NATIVE_TYPES } from './schema.ts';
import { isoDate, jsonObject, micros, millis, quoteName, quoteText } from './sql.ts';
import { STATES_SQL } from './state-sql.ts';

/** A table that is asked for; `table`: its name in SQL where it is there; `hasKeys`: its keys can be counted. */
export interface Asked {
  readonly id: number;
  readonly name: string;
  readonly detailFrom: string | undefined;
  readonly table: string | undefined;
  readonly hasKeys: boolean;
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
 * each kind says. undefined: there is nothing to ask.
 */
export function readSql(
  ledger: Ledger | undefined,
  asked: readonly Asked[],
  { instance, since }: Neighbourhood,
): string | undefined {
  const counts = asked.flatMap((each) => [...rowsSql(each), ...presentSql(each)]);
  if (ledger === undefined) return counts.length === 0 ? undefined : counts.join('\nUNION ALL\n');
  const said = [STATE, NOTE, IDENTITY, SOURCE, neighbourSql(instance, since), OTHER, NEWEST];
  return `${ledgerSql(ledger, asked)}\n${[...said, ...counts].join('\nUNION ALL\n')}`;
}

function saidSql(kind: string, id: string, fields: Readonly<Record<string, string>>): string {
  return `SELECT ${quoteText(kind)} AS kind, ${id} AS id, TO_JSON(${jsonObject(fields)}) AS said`;
}

function rowsSql({ id, table }: Asked): string[] {
  if (table === undefined) return [];
  return [`${saidSql('rows', String(id), { n: 'n' })} FROM (SELECT COUNT(*) AS n FROM ${table})`];
}

/** Rows that the table holds now, of keys from a date on. */
function presentSql({ id, table, detailFrom, hasKeys }: Asked): string[] {
  if (table === undefined || detailFrom === undefined || !hasKeys) return [];
  return [
    `${saidSql('present', String(id), { key: 'period_key', n: 'n' })}
FROM (
  SELECT _period_key AS period_key, COUNT(*) AS n FROM ${table}
  WHERE _period_date >= DATE ${quoteText(detailFrom)} AND _period_key IS NOT NULL GROUP BY _period_key
)`,
  ];
}

function askedSql(asked: readonly Asked[]): string {
  const rows = asked.map(
    ({ id, name, detailFrom }) =>
      `(${id}, ${quoteText(name)}, ${detailFrom === undefined ? 'NULL' : quoteText(detailFrom)})`,
  );
  // A list of values cannot be empty.
  return rows.length === 0 ? "(-1, '', NULL)" : rows.join(', ');
}

function ledgerSql({ table, columns }: Ledger, asked: readonly Asked[]): string {
  const all = LEDGER_COLUMNS.map(({ name, type }) =>
    columns.has(name) ? quoteName(name) : `CAST(NULL AS ${NATIVE_TYPES[type]}) AS ${quoteName(name)}`,
  );
  return `WITH asked AS (
  SELECT a.id, a.name, CAST(a.detail_from AS DATE) AS detail_from
  FROM (VALUES ${askedSql(asked)}) AS a (id, name, detail_from)
),
ledger AS (SELECT ${all.join(', ')} FROM ${table}),
loads AS (SELECT a.id, a.detail_from, l.* FROM ledger AS l JOIN asked AS a ON a.name = l.table_name),
resets AS (SELECT id, MAX(loaded_at) AS reset_at FROM loads WHERE outcome = 'reset' GROUP BY id),
states AS (
  SELECT l.*, r.reset_at IS NOT NULL AND l.loaded_at <= r.reset_at AS is_void,
    MAX(IFF(l.reason != 'requested', 1, 0)) OVER (PARTITION BY l.id, l.period_key) AS planned
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
),
detailed AS (
  SELECT s.*, COALESCE(s.period_date >= s.detail_from, FALSE) OR NOT s.settled OR h.id IS NOT NULL AS has_detail
  FROM states AS s
  LEFT JOIN newer_notes AS h ON h.id = s.id AND h.period_key = s.period_key AND h.outcome = 'held'
  WHERE NOT s.is_void
),
answers AS (
  SELECT id, source, answer_ms FROM states WHERE answer_ms IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY id, source ORDER BY loaded_at DESC) <= ${RECENT_LOADS}
),
sources AS (
  SELECT s.id, s.source, MIN(IFF(s.planned = 1, s.period_date, NULL)) AS planned_from FROM states AS s GROUP BY s.id, s.source
),
medians AS (SELECT id, source, MEDIAN(answer_ms) AS answer_ms FROM answers GROUP BY id, source)`;
}

const STATE = `${saidSql('state', 'id', {
  key: 'period_key',
  source: 'source',
  org: 'org_id',
  date: isoDate('period_date'),
  start_ms: millis('period_start'),
  end_ms: millis('period_end'),
  outcome: 'outcome',
  closed: 'closed',
  settled: 'settled',
  row_count: 'row_count',
  load: 'rows_load_id',
  policy: 'policy',
  requested_ms: millis('extracted_at'),
  detail: `IFF(has_detail, ${jsonObject({ digest: 'body_digest', fingerprint: 'fingerprint', totals: 'TO_JSON(totals)' })}, NULL)`,
})} FROM detailed`;

const NOTE = `${saidSql('note', 'id', {
  key: 'period_key',
  outcome: 'outcome',
  code: "COALESCE(error_code, '')",
  at_ms: millis('extracted_at'),
  source: 'source',
  date: isoDate('period_date'),
  start_ms: millis('period_start'),
  end_ms: millis('period_end'),
  loaded_us: micros('loaded_at'),
  load: 'load_id',
})} FROM newer_notes`;

const IDENTITY = `${saidSql('identity', 'id', {
  data_type: 'data_type',
  group_by: 'group_by',
  grain: 'grain',
  span: 'span',
  source: 'source',
  timezone: 'timezone',
  loaded_us: micros('loaded_at'),
})} FROM (
  SELECT * FROM states WHERE NOT is_void
  QUALIFY ROW_NUMBER() OVER (PARTITION BY id, source ORDER BY loaded_at DESC, load_id DESC) = 1
)`;

const SOURCE = `${saidSql('source', 's.id', {
  source: 's.source',
  planned_from: isoDate('s.planned_from'),
  answers: 'IFF(m.answer_ms IS NULL, NULL, ARRAY_CONSTRUCT(m.answer_ms))',
})} FROM sources AS s LEFT JOIN medians AS m ON m.id = s.id AND m.source = s.source`;

function neighbourSql(instance: string, since: number): string {
  return `${saidSql('neighbour', 'id', { instance: 'instance' })}
FROM (
  SELECT DISTINCT id, instance FROM loads
  WHERE loaded_at >= CAST(${quoteText(new Date(since).toISOString())} AS TIMESTAMP_TZ) AND instance != ${quoteText(instance)}
)`;
}

const OTHER = `${saidSql('other', '-1', { name: 'table_name', job: 'job', at_ms: millis('loaded_at') })}
FROM (
  SELECT table_name, job, loaded_at FROM ledger
  WHERE outcome IN (${STATES_SQL}) AND table_name NOT IN (SELECT name FROM asked)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name ORDER BY loaded_at DESC, load_id DESC) = 1
)`;

/** Of any table: whether a run has swept today. */
const NEWEST = `${saidSql('newest', '-1', { at_ms: millis('newest_at') })}
FROM (SELECT MAX(loaded_at) AS newest_at FROM ledger)`;

/** The newest keys of each source that the table itself holds; for tables that the ledger knows nothing of. */
export function keysSql(table: string): string {
  return `SELECT _period_key FROM (
  SELECT DISTINCT _source, _period_key, _period_date FROM ${table} WHERE _period_key IS NOT NULL
)
QUALIFY ROW_NUMBER() OVER (PARTITION BY _source ORDER BY _period_date DESC, _period_key DESC) <= ${KEYS_PER_SOURCE}`;
}
