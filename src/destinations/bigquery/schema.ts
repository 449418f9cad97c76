import type { Column, ColumnType, Grain, Instant, TableColumn, TableSpec } from '../../core/words.ts';
import { LEDGER_COLUMNS } from '../destination.ts';
import { METADATA } from '../metadata.ts';
import type { Field, TableResource } from './resources.ts';
import type { Session } from './session.ts';
import { quoteName, quoteText } from './sql.ts';
import { stateSql } from './state-sql.ts';

export const LEDGER = '_exportd_loads';
export const STATE_VIEW = '_exportd_state';

/** One row, updated by every commit on the table: two that overlap conflict on it, also where neither deletes a row. */
export function lockOf(table: string): string {
  return `_exportd_lock_${table}`;
}

/** What a table of ours has, in GoogleSQL's words: maps as JSON, so that people can query into them. */
export const NATIVE_TYPES: Readonly<Record<ColumnType, string>> = {
  string: 'STRING',
  integer: 'INT64',
  numeric: 'NUMERIC',
  'numeric(38,18)': 'BIGNUMERIC',
  float: 'FLOAT64',
  boolean: 'BOOL',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  map: 'JSON',
};

const CONTRACT_TYPES = new Map<string, ColumnType>();
for (const [type, native] of Object.entries(NATIVE_TYPES)) CONTRACT_TYPES.set(native, type as ColumnType);

/** What the REST API calls otherwise. */
const STANDARD: Readonly<Record<string, string>> = {
  INTEGER: 'INT64',
  FLOAT: 'FLOAT64',
  BOOLEAN: 'BOOL',
  BIGDECIMAL: 'BIGNUMERIC',
  DECIMAL: 'NUMERIC',
  RECORD: 'STRUCT',
};

/** A table's columns as they are now. One that may not be null, has a narrower type or many values is none of ours. */
export function columnsOf({ schema }: TableResource): TableColumn[] {
  return (schema?.fields ?? []).map((field) => {
    const native = nativeOf(field);
    return { name: field.name.toLowerCase(), native, type: CONTRACT_TYPES.get(native) };
  });
}

function nativeOf({ type, mode, precision, scale }: Field): string {
  const name = STANDARD[type.toUpperCase()] ?? type.toUpperCase();
  const narrowed = precision === undefined ? name : `${name}(${precision}${scale === undefined ? '' : `, ${scale}`})`;
  if (mode === 'REPEATED') return `ARRAY<${narrowed}>`;
  return mode === 'REQUIRED' ? `${narrowed} NOT NULL` : narrowed;
}

function field({ name, type, description }: Column): Field {
  return { name, type: NATIVE_TYPES[type], ...(description === '' ? {} : { description }) };
}

type Making = Pick<Session, 'place' | 'settings'>;

/** A table of ours to make. */
export function dataTable(session: Making, spec: TableSpec, columns: readonly Column[]): TableResource {
  const { partitionExpiration, requirePartitionFilter } = session.settings;
  return {
    ...made(session, spec.name),
    description: 'Made and filled by exportd: a load replaces the rows of its _period_key; see _exportd_state',
    schema: { fields: [...columns, ...METADATA].map(field) },
    timePartitioning: {
      type: partitionOf(spec.grain),
      field: '_period_date',
      ...(partitionExpiration === undefined ? {} : { expirationMs: String(partitionExpiration) }),
    },
    ...(requirePartitionFilter ? { requirePartitionFilter } : {}),
    clustering: { fields: spec.clusterBy.length > 0 ? spec.clusterBy : ['_period_key'] },
  };
}

function partitionOf(grain: Grain): 'DAY' | 'MONTH' {
  return grain === 'month' || grain === 'quarter' || grain === 'year' ? 'MONTH' : 'DAY';
}

export const LEDGER_TABLE: readonly Column[] = LEDGER_COLUMNS.map(({ name, type }) => ({
  name,
  type,
  description: '',
}));

export function ledgerTable(session: Making): TableResource {
  return {
    ...made(session, LEDGER),
    description: 'Every load of exportd, written in the same transaction as its rows; append-only',
    schema: { fields: LEDGER_TABLE.map(field) },
    timePartitioning: { type: 'MONTH', field: 'period_date' },
    clustering: { fields: ['table_name', 'period_key'] },
  };
}

export function stateView(session: Session): TableResource {
  return {
    ...made(session, STATE_VIEW),
    description: 'Per table and period the newest load that counts',
    view: { query: stateSql(session.table(LEDGER)), useLegacySql: false },
  };
}

/** The table that one batch is loaded into: it goes by itself at `expires`. Maps are text: Parquet cannot be loaded as JSON. */
export function stagingTable(
  { place, settings }: Making,
  name: string,
  columns: readonly Column[],
  expires: Instant,
): TableResource {
  return {
    tableReference: { projectId: place.project, datasetId: place.stagingDataset, tableId: name },
    description: 'A batch of exportd on its way',
    schema: { fields: stagedFields(columns) },
    expirationTime: String(expires),
    labels: settings.labels,
  };
}

export function stagedFields(columns: readonly Column[]): Field[] {
  return [...columns, ...METADATA].map(({ name, type }) => ({
    name,
    type: NATIVE_TYPES[type === 'map' ? 'string' : type],
  }));
}

function made({ place, settings }: Making, name: string): Pick<TableResource, 'tableReference' | 'labels'> {
  return {
    tableReference: { projectId: place.project, datasetId: place.dataset, tableId: name },
    labels: settings.labels,
  };
}

/** Made and seeded at once: there is never a lock without its row. */
export function lockSql(lock: string): string {
  return `CREATE TABLE IF NOT EXISTS ${lock}
OPTIONS (description = 'One row, updated by every commit on its table: two at once conflict')
AS SELECT CAST(NULL AS STRING) AS load_id`;
}

/** Where somebody emptied it. A second row does no harm. */
export function seedSql(lock: string): string {
  return `INSERT INTO ${lock} (load_id) VALUES (NULL)`;
}

/** All new columns of a table in one statement: BigQuery counts changes of a table's schema. */
export function addColumnsSql(table: string, columns: readonly Column[]): string {
  const added = columns.map(({ name, type, description }) => {
    const options = description === '' ? '' : ` OPTIONS (description = ${quoteText(description)})`;
    return `ADD COLUMN IF NOT EXISTS ${quoteName(name)} ${NATIVE_TYPES[type]}${options}`;
  });
  return `ALTER TABLE ${table}\n${added.join(',\n')}`;
}
