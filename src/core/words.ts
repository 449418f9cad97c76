/**
 * The glossary. Every word that config, CLI, ledger, docs and code use is defined here, once, as a type.
 * Nothing in this file does anything; nothing in `core/` performs I/O or reads a clock.
 *
 * source      where usage comes from; its *key* names it in period keys for ever
 * report      data type + grouping: what one row means
 * job         one report, one window, one or more sources, one destination table, one schedule
 * grid        grain × span × timezone: which periods exist at all
 * period      what one export request covers: a half-open interval [start, end) of whole grains
 * load        one period's rows replaced in one table
 * ledger      the table `_exportd_loads` beside the data, written in the same transaction as the rows
 * plan        the periods that are due now, each with its reason; a pure function of (job, now, table state)
 * run         one execution of plans
 */
import type { ExportdError } from './errors.ts';
import type { Secret } from './secret.ts';

/** Milliseconds since 1970-01-01T00:00:00Z; always a whole number. */
export type Instant = number;
/** A calendar date without a timezone, `YYYY-MM-DD`. */
export type LocalDate = string;
/** A name of tzdb's zone.tab, or `UTC`. */
export type Timezone = string;

export type Grain = 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';
export type DataType = 'users' | 'agents' | 'api-keys' | 'projects' | 'models';
export type GroupBy = 'model' | 'source' | 'deployment';

/** What one row means. */
export interface Report {
  readonly dataType: DataType;
  readonly groupBy: GroupBy | undefined;
}

/** Which periods exist: a table's identity is report + grain + span, and one timezone per source. */
export interface Grid {
  readonly grain: Grain;
  /** Grains per period; 30 with grain `day` is a rolling 30-day period per day. */
  readonly span: number;
  /** The job's timezone. Hours are UTC hours whatever it says: there it only sets the period's date. */
  readonly timezone: Timezone;
}

/** The text that names a period of one report of one source for ever; see core/period-key.ts. */
export type PeriodKey = string;
/** `sources.<name>.key`: names a source in period keys, also after it was renamed. */
export type SourceKey = string;
/** UUIDv7 of one load. Time-ordered. */
export type LoadId = string;
/** UUIDv7 of one batch: what one transaction carries. */
export type BatchId = string;
/** `<algorithm>:<digest>` of the rows as they land, metadata columns left out, order ignored. */
export type Fingerprint = string;

export interface Period {
  readonly key: PeriodKey;
  readonly source: SourceKey;
  readonly report: Report;
  readonly grid: Grid;
  /** `_period_date`: the local date of the start for span 1, of the LAST grain for a longer span. */
  readonly date: LocalDate;
  readonly start: Instant;
  /** Exclusive. */
  readonly end: Instant;
}

/** What a job wants of its grid. */
export interface Window {
  readonly grain: Grain;
  readonly span: number;
  /** Newest closed periods exported again on every run, none before a `begin` that is set. undefined = not written: 1. */
  readonly lookback: number | undefined;
  /** Milliseconds after its end at which a period is closed. */
  readonly delay: number;
  /** Also export the period that is still running. */
  readonly includeOpen: boolean;
  /** Every closed period from this period date on is wanted. */
  readonly begin: LocalDate | undefined;
}

/** The types of the contract; `numeric` is DECIMAL(38,9). */
export type ColumnType =
  | 'string'
  | 'integer'
  | 'numeric'
  | 'numeric(38,18)'
  | 'float'
  | 'boolean'
  | 'date'
  | 'timestamp'
  | 'map';

/** key: names the row. usage: what happened in the period. now: true at export time, changes daily, never a restatement. */
export type ColumnKind = 'key' | 'usage' | 'now';

export interface ContractColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly kind: ColumnKind;
  /** Identifies a person. */
  readonly personal: boolean;
  /** Present only in workspaces that bring their own keys. */
  readonly byok: boolean;
  readonly description: string;
}

/** A column as it lands in the table. */
export interface Column {
  /** The table's name for it: lower-cased, other than [a-z0-9_] become `_`. */
  readonly name: string;
  readonly type: ColumnType;
  readonly description: string;
}

/** A column as the warehouse has it now. `type` is undefined where the native type is none that exportd makes. */
export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType | undefined;
  readonly native: string;
}

/** Kinds of destination, as far as they differ in what they can take; see warehouses.ts. */
export type WarehouseKind = 'duckdb' | 'bigquery' | 'snowflake';

export type SchemaPolicy = 'evolve' | 'freeze' | 'discard';

/** `columns:` of a job; all by the export's names. A column both dropped and hashed is dropped. */
export interface ColumnRules {
  readonly drop: readonly string[];
  readonly hash: readonly string[];
  readonly rename: ReadonlyMap<string, string>;
  readonly types: ReadonlyMap<string, ColumnType>;
}

/** The key of `hash:`; `id` is the first 8 hex digits of HMAC-SHA256(key, "exportd key id"). */
export interface HashKey {
  readonly id: string;
  readonly key: Secret;
}

/** What a destination and staging need to know of a table. */
export interface TableSpec {
  readonly name: string;
  readonly warehouse: WarehouseKind;
  readonly report: Report;
  readonly grain: Grain;
  readonly span: number;
  readonly schema: SchemaPolicy;
  readonly rules: ColumnRules;
  readonly hashKey: HashKey | undefined;
  /** Digest of drop, hash, rename, types, schema and hash key id. */
  readonly policy: string;
  readonly clusterBy: readonly string[];
}

export interface Expect {
  /** A load with fewer rows is held. */
  readonly minRows: number;
  /** A reload that drops more than this share of a period's rows is held. 0..1 */
  readonly maxShrink: number;
}

export interface Retries {
  readonly maxAttempts: number;
  /** Milliseconds. */
  readonly minDelay: number;
  /** Milliseconds. */
  readonly maxDelay: number;
}

/** How far back a source keeps usage. */
export interface History {
  readonly amount: number;
  readonly unit: 'day' | 'month' | 'year';
}

/** What the plan must know of a job's source. */
export interface JobSource {
  /** Its name in the YAML. */
  readonly name: string;
  readonly key: SourceKey;
  readonly history: History | undefined;
  /** Requests per window, or none. */
  readonly rate: Rate | undefined;
  readonly concurrency: number;
  /** Whether an answer takes long to come even when it is small; the forecast's guess where nothing is known. */
  readonly typicalAnswer: number;
}

/** At most `requests` in any `window` milliseconds. */
export interface Rate {
  readonly requests: number;
  readonly window: number;
}

export interface Schedule {
  /** Five fields, or a word such as `@daily`. */
  readonly cron: string;
  readonly timezone: Timezone;
  /** Milliseconds. */
  readonly jitter: number;
}

export interface Job {
  readonly name: string;
  readonly description: string | undefined;
  readonly enabled: boolean;
  readonly sources: readonly JobSource[];
  readonly report: Report;
  readonly timezone: Timezone;
  /** False where the timezone is the default because nobody wrote one; `plan` says so. */
  readonly timezoneWritten: boolean;
  readonly window: Window;
  readonly schedule: Schedule | undefined;
  /** Name of the destination in the YAML. */
  readonly destination: string;
  readonly table: TableSpec;
  readonly onStart: 'plan' | 'wait';
  readonly expect: Expect;
  /** Local time `HH:MM` by which the newest closed period must be in. */
  readonly expectBy: string | undefined;
  readonly maxPeriodsPerRun: number;
  readonly retries: Retries;
}

/** Outcomes that are a key's state. */
export type StateOutcome = 'loaded' | 'unchanged' | 'empty' | 'forgotten';
/** `failed` and `held` are notes: they never count as state. */
export type Outcome = StateOutcome | 'failed' | 'held';

/** Why a period is due; the first that fits, in this order. */
export type Reason = 'requested' | 'open' | 'held' | 'missing' | 'provisional' | 'lookback' | 'unsettled';

/** awaited: what people wait for. history: fills up behind it, with a fifth of the rate left free. */
export type Urgency = 'awaited' | 'history';

/** One row of `_exportd_loads`. Column names are these in snake_case; see destinations/destination.ts. */
export interface LedgerEntry {
  readonly loadId: LoadId;
  readonly runId: string;
  /** `<hostname>/<8 hex digits made at start>`. */
  readonly instance: string;
  readonly job: string;
  readonly reason: Reason;
  readonly source: SourceKey;
  readonly orgId: string | undefined;
  readonly dataType: DataType;
  readonly groupBy: GroupBy | undefined;
  readonly grain: Grain;
  readonly span: number;
  /** The job's timezone, also for hours. */
  readonly timezone: Timezone;
  readonly tableName: string;
  readonly periodKey: PeriodKey;
  readonly periodDate: LocalDate;
  readonly periodStart: Instant;
  readonly periodEnd: Instant;
  readonly outcome: Outcome;
  /** The load whose rows the table holds: its own for `loaded`, the predecessor's for `unchanged`, none otherwise. */
  readonly rowsLoadId: LoadId | undefined;
  /** Judged at `extractedAt`, never later. */
  readonly closed: boolean;
  readonly settled: boolean;
  readonly rowCount: number;
  readonly byteCount: number;
  /** Exact sums of the integer and numeric usage columns, as text, under the table's names. */
  readonly totals: Readonly<Record<string, string>>;
  readonly bodyDigest: string | undefined;
  readonly fingerprint: Fingerprint | undefined;
  readonly policy: string;
  readonly errorCode: string | undefined;
  readonly answerMs: number | undefined;
  /** When the request left. */
  readonly extractedAt: Instant;
  /** The warehouse's own clock at the commit; 0 before it. */
  readonly loadedAt: Instant;
  readonly exportdVersion: string;
}

/** Newest state row of a key (outcome undefined: none), and the notes that are newer than it. */
export interface KeyState {
  readonly source: SourceKey;
  readonly orgId: string | undefined;
  readonly periodDate: LocalDate;
  readonly start: Instant;
  readonly end: Instant;
  readonly outcome: StateOutcome | undefined;
  readonly closed: boolean;
  readonly settled: boolean;
  readonly rows: number;
  readonly rowsLoadId: LoadId | undefined;
  readonly policy: string;
  readonly requestedAt: Instant;
  /** Newest `held` note newer than the state row. */
  readonly held: { readonly at: Instant; readonly code: string } | undefined;
  /** Newest `failed` note newer than the state row; `last`: no note is newer. */
  readonly failed: { readonly at: Instant; readonly code: string; readonly last: boolean } | undefined;
  /** Only for keys at or after `detailFrom`, not settled, or held: the rest is never judged without being named. */
  readonly detail:
    | {
        readonly bodyDigest: string | undefined;
        readonly fingerprint: Fingerprint | undefined;
        readonly totals: Readonly<Record<string, string>>;
      }
    | undefined;
}

/** Everything a plan and its judge need of one table, from one read. */
export interface TableState {
  /** False voids every state. */
  readonly exists: boolean;
  /** All rows in the table now. */
  readonly rows: number;
  /** What they should be: the sum of the newest state rows' row_count. */
  readonly ledgerRows: number;
  /** What the ledger says the table holds. Timezones are by source key. */
  readonly holds:
    | {
        readonly report: Report;
        readonly grain: Grain;
        readonly span: number;
        readonly timezones: ReadonlyMap<SourceKey, Timezone>;
      }
    | undefined;
  readonly columns: readonly TableColumn[];
  readonly states: ReadonlyMap<PeriodKey, KeyState>;
  /** Rows in the table now, of keys at or after `detailFrom`; an older key counts as whole where rows = ledgerRows. */
  readonly present: ReadonlyMap<PeriodKey, number>;
  /** Oldest period ever loaded for a reason other than `requested`, resets notwithstanding. */
  readonly firstPlanned: ReadonlyMap<SourceKey, LocalDate>;
  /** Median answer_ms of the source's newest 20 loads. */
  readonly answerMs: ReadonlyMap<SourceKey, number>;
  /** Other exportd processes that wrote in the last 15 minutes. */
  readonly instances: readonly string[];
}

export interface PlannedPeriod {
  readonly period: Period;
  readonly reason: Reason;
  readonly urgency: Urgency;
}

export interface PlanWarning {
  /** Stable, UPPER_SNAKE. */
  readonly code: string;
  readonly message: string;
}

export interface Forecast {
  readonly requests: number;
  /** Milliseconds the run will take at least. */
  readonly duration: number;
  readonly concurrency: number;
}

/** What is due now for one job and one of its sources, and why. */
export interface Plan {
  readonly job: Job;
  readonly source: JobSource;
  readonly now: Instant;
  /** In the order in which they are asked for. */
  readonly periods: readonly PlannedPeriod[];
  /** How many wanted periods are loaded already. */
  readonly upToDate: number;
  /** History left for the next plan by `max_periods_per_run`. */
  readonly postponed: number;
  readonly warnings: readonly PlanWarning[];
  /** Why nothing of this job may run, e.g. another report in its table. */
  readonly refused: ExportdError | undefined;
  readonly forecast: Forecast;
}
