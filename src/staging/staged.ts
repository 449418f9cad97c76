import type { ExportdError } from '../core/errors.ts';
import type { BatchId, Column, Fingerprint, Instant, LoadId, Period, TableSpec, TableState } from '../core/words.ts';
import type { Connection, Parameters } from '../duckdb/engine.ts';
import type { Ask, Body } from '../sources/source.ts';
import type { SpoolFile } from './spool.ts';

/** Bodies of one table, parsed ONCE into one typed columnar file, and measured from that file. */
export interface Staging extends AsyncDisposable {
  /**
   * One statement reads all bodies of one header; a body that breaks the statement is staged again alone, so that it
   * fails alone. A short body or a misfit is that load's `problem`, not an exception. Returned: no row of a load
   * without problem can make a later commit fail. Thrown: only what stops every load alike (aborted, spool full).
   * `table`: the columns as they are now; an existing column keeps its type.
   */
  stage(spec: TableSpec, table: TableState, bodies: readonly Body[], signal: AbortSignal): Promise<Staged>;
  /**
   * The same for a destination on staging's own engine, which takes rows where they are parsed. undefined: some body
   * cannot be read together with the others, and `stage` tells which and why.
   */
  open(
    spec: TableSpec,
    table: TableState,
    bodies: readonly Body[],
    signal: AbortSignal,
  ): Promise<OpenBodies | undefined>;
  /**
   * Rows of one body as they would land, `limit` at most, metadata columns included, as text; for `preview`. The first
   * ones, unless the body is so large that several threads read it.
   */
  preview(spec: TableSpec, body: Body, limit: number, signal: AbortSignal): Promise<Preview>;
}

/** Bodies whose headers were read, and nothing more. */
export interface OpenBodies {
  /** As they land: contract and schema policy, the union over the bodies; metadata columns left out. */
  readonly columns: readonly Column[];
  /**
   * Parses the bodies once into `landing`, and measures each load from there. Thrown: what has landed is to be undone;
   * `stage` tells which body it was, if it was one. The signal that the bodies were opened with interrupts.
   */
  into(landing: Landing): Promise<readonly StagedLoad[]>;
}

/** Where rows are put, and read again to be measured. */
export interface Landing {
  readonly connection: Connection;
  /** Puts the rows of a SELECT, metadata columns included: those of `loads` and no others. */
  put(loads: readonly LandingLoad[], rows: string, parameters: Parameters | undefined): Promise<void>;
  /** What was put, as a FROM clause. */
  rows(): string;
}

/** A load whose rows are about to land. */
export interface LandingLoad {
  readonly loadId: LoadId;
  readonly period: Period;
}

export interface Preview {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly load: StagedLoad;
}

export interface Staged extends AsyncDisposable {
  readonly id: BatchId;
  /** Parquet, metadata columns included; a load's rows are those of its `_load_id`. */
  readonly file: SpoolFile;
  /** As they land: contract and schema policy, the union over the loads; metadata columns left out. */
  readonly columns: readonly Column[];
  /** Names of the columns that the file has. What it lacks of `columns`, no body has: it is null. */
  readonly written: ReadonlySet<string>;
  readonly loads: readonly StagedLoad[];
}

export interface StagedLoad {
  readonly ask: Ask;
  readonly requestedAt: Instant;
  readonly answeredAt: Instant;
  readonly loadId: LoadId;
  readonly rows: number;
  readonly bytes: number;
  readonly digest: string;
  readonly fingerprint: Fingerprint;
  /** Read before any column is dropped. */
  readonly orgId: string | undefined;
  /** Exact sums of integer and numeric usage columns, as text, under the table's names. */
  readonly totals: Readonly<Record<string, string>>;
  /** Numeric values that had more digits than the column's scale. Said once per period. */
  readonly rounded: number;
  /** Columns left out by `schema: discard`. Said once per period. */
  readonly discarded: readonly string[];
  /** What is said without refusing the load, e.g. a recordCount that differs under `record_count: warn`. */
  readonly remarks: readonly string[];
  /** BODY_SHORT (retryable), VALUE_MISFIT with column, row number and shape, … A load with one never lands. */
  readonly problem: ExportdError | undefined;
}
