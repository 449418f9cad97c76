/** Staged batches as a destination gets them, made by the real engine without the road through CSV. */
import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Column, ColumnType, LedgerEntry, LoadId } from '../../src/core/words.ts';
import { METADATA_COLUMNS } from '../../src/destinations/destination.ts';
import { type Engine, quoteName, quoteText } from '../../src/duckdb/engine.ts';
import type { SpoolFile } from '../../src/staging/spool.ts';
import type { Staged } from '../../src/staging/staged.ts';
import { COLUMNS } from './entries.ts';

/** How each type stands in staged Parquet. */
const PARQUET: Readonly<Record<ColumnType, string>> = {
  string: 'VARCHAR',
  integer: 'BIGINT',
  numeric: 'DECIMAL(38,9)',
  'numeric(38,18)': 'DECIMAL(38,18)',
  float: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMPTZ',
  map: 'JSON',
};

export type Row = Readonly<Record<string, unknown>>;

/** One load's rows, and the ledger row that they are to have. */
export interface StagedRows {
  readonly entry: LedgerEntry;
  readonly rows: readonly Row[];
}

export async function stageRows(
  engine: Engine,
  folder: string,
  columns: readonly Column[],
  loads: readonly StagedRows[],
): Promise<Staged> {
  const all = [...columns, ...METADATA_COLUMNS];
  const structure = JSON.stringify([Object.fromEntries(all.map(({ name, type }) => [name, PARQUET[type]]))]);
  const rows = loads.flatMap(({ entry, rows }) => rows.map((row) => ({ ...row, ...metadata(entry) })));
  return await stageSelect(
    engine,
    folder,
    columns,
    `SELECT ${all.map(({ name }) => quoteName(name)).join(', ')}
     FROM (SELECT unnest(from_json($rows, ${quoteText(structure)}), recursive := true))`,
    { rows: JSON.stringify(rows) },
  );
}

/** As many made-up users as the ledger row counts, as the columns user_id and messages_total. */
export async function stageUsers(engine: Engine, folder: string, entry: LedgerEntry): Promise<Staged> {
  const values = metadata(entry);
  const meta = METADATA_COLUMNS.map(
    ({ name, type }) => `CAST(${quoteText(String(values[name]))} AS ${PARQUET[type]}) AS ${name}`,
  );
  return await stageSelect(
    engine,
    folder,
    COLUMNS,
    `SELECT 'user ' || hash(i) AS user_id, i AS messages_total, ${meta.join(', ')} FROM range(${entry.rowCount}) r(i)`,
  );
}

/** The rows of any query that has columns and metadata columns. */
async function stageSelect(
  engine: Engine,
  folder: string,
  columns: readonly Column[],
  select: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Staged> {
  const path = join(folder, `${randomUUID()}.parquet`);
  await using connection = await engine.connect();
  await connection.run(`CREATE TEMP TABLE rows_in_hand AS ${select}`, parameters);
  await connection.run(`COPY rows_in_hand TO ${quoteText(path)} (FORMAT parquet, COMPRESSION snappy)`);
  return stagedAt(path, columns);
}

/** A staged file that is there already. */
export function stagedAt(path: string, columns: readonly Column[]): Staged {
  return {
    id: randomUUID(),
    file: fileAt(path),
    columns,
    written: new Set(columns.map(({ name }) => name)),
    loads: [],
    async [Symbol.asyncDispose]() {
      await rm(path, { force: true });
    },
  };
}

function metadata(entry: LedgerEntry): Row {
  return {
    _period_key: entry.periodKey,
    _period_date: entry.periodDate,
    _period_start: new Date(entry.periodStart).toISOString(),
    _period_end: new Date(entry.periodEnd).toISOString(),
    _source: entry.source,
    _load_id: entry.loadId,
    _extracted_at: new Date(entry.extractedAt).toISOString(),
  };
}

export function loadIds(loads: readonly StagedRows[]): LoadId[] {
  return loads.map(({ entry }) => entry.loadId);
}

function fileAt(path: string): SpoolFile {
  return {
    path,
    writable: () => new Writable({ write: (_chunk, _encoding, done) => done(new Error('a staged file is finished')) }),
    measure: async () => (await stat(path)).size,
    async [Symbol.asyncDispose]() {
      await rm(path, { force: true });
    },
  };
}
