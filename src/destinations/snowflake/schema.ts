import type { Column, ColumnType, TableSpec } from '../../core/words.ts';
import { LEDGER_COLUMNS } from '../destination.ts';
import { METADATA } from '../metadata.ts';
import { quoteName, quoteText } from './sql.ts';
import { stateSql } from './state-sql.ts';

export const LEDGER = '_exportd_loads';
export const STATE_VIEW = '_exportd_state';
export const STAGE = '_exportd_stage';

/** One row, updated by every commit on the table: the second of two waits for it, also where neither deletes a row. */
export function lockOf(table: string): string {
  return `_exportd_lock_${table}`;
}

/** What a table of ours has: maps as VARIANT, so that people can query into them. */
export const NATIVE_TYPES: Readonly<Record<ColumnType, string>> = {
  string: 'VARCHAR',
  integer: 'NUMBER(38,0)',
  numeric: 'NUMBER(38,9)',
  'numeric(38,18)': 'NUMBER(38,18)',
  float: 'FLOAT',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP_TZ',
  map: 'VARIANT',
};

/** Where the destination's tables are, as SQL names them. */
export interface Names {
  table(name: string): string;
  /** `@"DB"."SCHEMA"."_EXPORTD_STAGE"/path` */
  staged(path: string): string;
}

/** How tables of ours are made. */
export interface TableSettings {
  /** Without fail-safe: half the storage of a table that is rewritten a lot. */
  readonly transient: boolean;
}

export const LEDGER_TABLE: readonly Column[] = LEDGER_COLUMNS.map(({ name, type }) => ({
  name,
  type,
  description: '',
}));

function columnSql({ name, type, description }: Column): string {
  const comment = description === '' ? '' : ` COMMENT ${quoteText(description)}`;
  return `${quoteName(name)} ${NATIVE_TYPES[type]}${comment}`;
}

function columnList(columns: readonly Column[]): string {
  return `(\n  ${columns.map(columnSql).join(',\n  ')}\n)`;
}

/** A table of ours to make. */
export function createTableSql(
  table: string,
  spec: Pick<TableSpec, 'clusterBy'>,
  columns: readonly Column[],
  { transient }: TableSettings,
): string {
  const clustering = spec.clusterBy.length === 0 ? '' : `\nCLUSTER BY (${spec.clusterBy.map(quoteName).join(', ')})`;
  return `CREATE ${transient ? 'TRANSIENT ' : ''}TABLE IF NOT EXISTS ${table} ${columnList([...columns, ...METADATA])}${clustering}
COMMENT = 'Made and filled by exportd: a load replaces the rows of its _period_key; see _exportd_state'`;
}

export function createLedgerSql(ledger: string): string {
  return `CREATE TABLE IF NOT EXISTS ${ledger} ${columnList(LEDGER_TABLE)}
COMMENT = 'Every load of exportd, written in the same transaction as its rows; append-only'`;
}

export function createViewSql(view: string, ledger: string): string {
  return `CREATE OR REPLACE VIEW ${view}
COMMENT = 'Per table and period the newest load that counts'
AS ${stateSql(ledger)}`;
}

/** Made and seeded at once: there is never a lock without its row. */
export function createLockSql(lock: string): string {
  return `CREATE TABLE IF NOT EXISTS ${lock} AS SELECT CAST(NULL AS VARCHAR) AS load_id`;
}

/** Where somebody emptied it. A second row does no harm. */
export function seedLockSql(lock: string): string {
  return `INSERT INTO ${lock} (load_id) SELECT NULL FROM (SELECT COUNT(*) AS n FROM ${lock}) WHERE n = 0`;
}

/** Encrypted by Snowflake: the driver would else write an encrypted copy of every file to disk first. */
export function createStageSql(stage: string): string {
  return `CREATE STAGE IF NOT EXISTS ${stage}
ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')
COMMENT = 'Batches of exportd on their way: a path each, gone after its commit'`;
}

/** All new columns of a table in one statement. */
export function addColumnsSql(table: string, columns: readonly Column[]): string {
  return `ALTER TABLE ${table} ADD COLUMN
  ${columns.map((column) => `IF NOT EXISTS ${columnSql(column)}`).join(',\n  ')}`;
}

/** The table that one batch is loaded into. Maps are text: Parquet has them as that. */
export function createStagingSql(table: string, columns: readonly Pick<Column, 'name' | 'type'>[]): string {
  const staged = columns.map(({ name, type }) => ({
    name,
    type: type === 'map' ? ('string' as const) : type,
    description: '',
  }));
  return `CREATE TRANSIENT TABLE ${table} ${columnList(staged)}
DATA_RETENTION_TIME_IN_DAYS = 0
COMMENT = 'A batch of exportd on its way'`;
}
