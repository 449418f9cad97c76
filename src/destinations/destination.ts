import type { Finding } from '../core/finding.ts';
import type { Instant, LedgerEntry, LoadId, LocalDate, PeriodKey, TableSpec, TableState } from '../core/words.ts';
import type { Landing, Staged } from '../staging/staged.ts';

/** What one transaction carries: of a Staged, the loads that the judge let through. The same Batch may be passed to `replace` again. */
export interface Batch {
  /** undefined: ledger rows and deletes alone (empty, unchanged, forgotten). */
  readonly staged: Staged | undefined;
  readonly table: TableSpec;
  /** Only these loads' rows go in. */
  readonly insert: readonly LoadId[];
  /**
   * Ledger rows to append. First the keys of `loaded`, `empty` and `forgotten` are deleted; `unchanged` deletes nothing
   * and is appended only where its rowsLoadId is still the key's newest.
   */
  readonly entries: readonly LedgerEntry[];
  /** To prune the delete by: dates of the rows that these keys have, as the ledger says, and of the new ones. */
  readonly dates: readonly LocalDate[];
}

/** Rows that the batch's inserts must come to. */
export function expectedRows(batch: Batch): number {
  return batch.entries.reduce((sum, entry) => sum + (entry.outcome === 'loaded' ? entry.rowCount : 0), 0);
}

/** One table that a run is about to look at. */
export interface TableQuery {
  readonly name: string;
  /** Oldest period date whose `detail` and `present` rows are needed. */
  readonly detailFrom: LocalDate | undefined;
}

export interface Orphan {
  readonly table: string;
  readonly job: string;
  readonly lastLoad: Instant;
}

export interface Reading {
  /** One entry per table asked for; a table that is not there has `exists: false`. */
  readonly tables: ReadonlyMap<string, TableState>;
  /** Tables of the ledger that were not asked for. */
  readonly others: readonly Orphan[];
}

export interface Prepared {
  /** `again`: the ledger knew the table, the warehouse did not; a `reset` was written first. */
  readonly made: 'new' | 'again' | undefined;
  readonly warnings: readonly string[];
}

/** Replaces periods in tables. Implementations hold no state that matters: kill one anywhere, open another, carry on. */
export interface Destination extends AsyncDisposable {
  /**
   * Everything that a plan and its judge need, for all tables of a run in one query. Creates and writes nothing (an
   * engine may have to put in order what a killed process left). No ledger, no table, no file: an empty answer.
   */
  read(tables: readonly TableQuery[], signal: AbortSignal): Promise<Reading>;
  /**
   * Called before a run's first replace on a table, and again where a batch brings new columns. Makes, each step safe
   * to repeat: ledger and its view `_exportd_state`, lock, `reset` where the ledger knows the table and the warehouse
   * does not, table, new columns. `columns`: as they land, metadata columns left out.
   * Throws TABLE_REFUSED (table) naming both reports, or each differing column of a table that is not ours.
   */
  prepare(table: TableSpec, columns: Staged['columns'], signal: AbortSignal): Promise<Prepared>;
  /**
   * Replaces the batch's keys and appends its ledger rows in one transaction. All or nothing.
   *
   * Returned: durable; the entries that were appended, with their `loadedAt`. Thrown: nothing changed, unless code is
   * COMMIT_UNKNOWN; either way the SAME batch may be passed again while `retryable`: a batch whose load ids are in the
   * ledger is answered from there. Killed: old or new rows, never both, never half. Two calls on one table, in any two
   * processes, happen one after the other also where neither finds a row to delete. `signal` is heard until the
   * transaction begins; from there it runs to its end.
   */
  replace(batch: Batch, signal: AbortSignal): Promise<readonly LedgerEntry[]>;
  /**
   * Only of a destination on staging's own engine: `replace` of rows that are parsed inside its transaction, and for
   * which no file is written. `fill` puts rows into the landing, where they replace those of their keys, and returns the
   * batch to commit (nothing of it staged), or undefined. Returned true: durable. Returned false, or thrown: nothing
   * changed. `signal` is heard as by `replace`; while `fill` runs it is fill's to hear.
   */
  replaceFrom?(
    table: TableSpec,
    fill: (landing: Landing) => Promise<Batch | undefined>,
    signal: AbortSignal,
  ): Promise<boolean>;
  /**
   * Appends `failed` and `held` rows. Best effort: changes no state, never throws; false where they could not be
   * written. `signal` ends waiting for the destination.
   */
  note(entries: readonly LedgerEntry[], signal: AbortSignal): Promise<boolean>;
  /** Newest first: the loads of a table, or of one of its keys. */
  history(table: string, key: PeriodKey | undefined, signal: AbortSignal): AsyncIterable<LedgerEntry>;
  /** For `doctor`: does what a run does, and leaves nothing behind. A step that needs one that failed is left out. */
  check(signal: AbortSignal): AsyncIterable<Finding>;
}

/** Type of a ledger column in the words of the contract. */
type LedgerType = 'string' | 'integer' | 'boolean' | 'date' | 'timestamp' | 'map';

/**
 * The ledger's columns, once for all warehouses, in the order in which the table is made. Columns are only ever added;
 * all reading and writing goes by name. `reset` rows have no period_key.
 */
export const LEDGER_COLUMNS: readonly {
  readonly name: string;
  readonly field: keyof LedgerEntry;
  readonly type: LedgerType;
}[] = [
  { name: 'load_id', field: 'loadId', type: 'string' },
  { name: 'run_id', field: 'runId', type: 'string' },
  { name: 'instance', field: 'instance', type: 'string' },
  { name: 'job', field: 'job', type: 'string' },
  { name: 'reason', field: 'reason', type: 'string' },
  { name: 'source', field: 'source', type: 'string' },
  { name: 'org_id', field: 'orgId', type: 'string' },
  { name: 'data_type', field: 'dataType', type: 'string' },
  { name: 'group_by', field: 'groupBy', type: 'string' },
  { name: 'grain', field: 'grain', type: 'string' },
  { name: 'span', field: 'span', type: 'integer' },
  { name: 'timezone', field: 'timezone', type: 'string' },
  { name: 'table_name', field: 'tableName', type: 'string' },
  { name: 'period_key', field: 'periodKey', type: 'string' },
  { name: 'period_date', field: 'periodDate', type: 'date' },
  { name: 'period_start', field: 'periodStart', type: 'timestamp' },
  { name: 'period_end', field: 'periodEnd', type: 'timestamp' },
  { name: 'outcome', field: 'outcome', type: 'string' },
  { name: 'rows_load_id', field: 'rowsLoadId', type: 'string' },
  { name: 'closed', field: 'closed', type: 'boolean' },
  { name: 'settled', field: 'settled', type: 'boolean' },
  { name: 'row_count', field: 'rowCount', type: 'integer' },
  { name: 'byte_count', field: 'byteCount', type: 'integer' },
  { name: 'totals', field: 'totals', type: 'map' },
  { name: 'body_digest', field: 'bodyDigest', type: 'string' },
  { name: 'fingerprint', field: 'fingerprint', type: 'string' },
  { name: 'policy', field: 'policy', type: 'string' },
  { name: 'error_code', field: 'errorCode', type: 'string' },
  { name: 'answer_ms', field: 'answerMs', type: 'integer' },
  { name: 'extracted_at', field: 'extractedAt', type: 'timestamp' },
  { name: 'loaded_at', field: 'loadedAt', type: 'timestamp' },
  { name: 'exportd_version', field: 'exportdVersion', type: 'string' },
];

export { METADATA_COLUMNS } from '../core/columns.ts';
