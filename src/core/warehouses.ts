import { type LandingColumn, quotedName } from './columns.ts';
import { ExportdError } from './errors.ts';
import type { WarehouseKind } from './words.ts';

/** What a kind of warehouse cannot take. It is refused before anything of it is sent. */
interface Limits {
  /** Beginnings of column names that are the warehouse's own, in any case. */
  readonly prefixes: readonly string[];
  readonly nameLength: number;
  /** Maps are parsed, and numbers in them kept in 64 bits; else a map is its text. */
  readonly parsesMaps: boolean;
  /** Of a table that is partitioned by day. */
  readonly partitions: number;
  /** Columns to cluster a table by. */
  readonly clustering: number;
}

const LIMITS: Readonly<Record<WarehouseKind, Limits>> = {
  duckdb: { prefixes: [], nameLength: Infinity, parsesMaps: false, partitions: Infinity, clustering: Infinity },
  bigquery: {
    prefixes: ['_table_', '_file_', '_partition', '_row_timestamp', '__root__', '_colidentifier'],
    nameLength: 300,
    parsesMaps: true,
    partitions: 10_000,
    clustering: 4,
  },
  snowflake: { prefixes: [], nameLength: 255, parsesMaps: true, partitions: Infinity, clustering: Infinity },
};

const NAMES: Readonly<Record<WarehouseKind, string>> = {
  duckdb: 'DuckDB',
  bigquery: 'BigQuery',
  snowflake: 'Snowflake',
};

/** Throws COLUMN_REFUSED (period) where a column would land under a name that the warehouse refuses. */
export function refuseNames(warehouse: WarehouseKind, columns: readonly LandingColumn[]): void {
  const { prefixes, nameLength } = LIMITS[warehouse];
  for (const { from, name } of columns) {
    const prefix = prefixes.find((each) => name.startsWith(each));
    if (prefix === undefined && name.length <= nameLength) continue;
    const why =
      prefix === undefined
        ? `with ${name.length} characters, and ${NAMES[warehouse]} takes ${nameLength}`
        : `as ${name}, and ${NAMES[warehouse]} keeps names that begin with ${prefix} for itself`;
    throw new ExportdError('COLUMN_REFUSED', `the export's column ${quotedName(from)} would land ${why}`, {
      scope: 'period',
      hint: `name it otherwise: columns: { rename: { ${quotedName(from)}: … } }, or drop it`,
    });
  }
}

export function partitionLimit(warehouse: WarehouseKind): number {
  return LIMITS[warehouse].partitions;
}

export function clusteringLimit(warehouse: WarehouseKind): number {
  return LIMITS[warehouse].clustering;
}

export function parsesMaps(warehouse: WarehouseKind): boolean {
  return LIMITS[warehouse].parsesMaps;
}
