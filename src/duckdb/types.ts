import type { ColumnType } from '../core/words.ts';

/** DuckDB's type for each of the contract's, as its catalog spells them. A map is its JSON text. */
export const DUCKDB_TYPES: Readonly<Record<ColumnType, string>> = {
  string: 'VARCHAR',
  integer: 'BIGINT',
  numeric: 'DECIMAL(38,9)',
  'numeric(38,18)': 'DECIMAL(38,18)',
  float: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  map: 'VARCHAR',
};
