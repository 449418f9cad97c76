/** Where a value stands in the config, e.g. ['jobs', 'users_daily', 'group_by']. */
export type ConfigPath = readonly (string | number)[];

/** How much stops: one period, its table, everything of its source, everything of its destination, or the command. */
export type Scope = 'period' | 'table' | 'source' | 'destination' | 'config';

/**
 * Every code a person may see, what it means, and who cures it.
 * `time`: the same call may succeed at the next tick. `person`: it will not until somebody acts, so a plan tries it once a day only.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: { cure: 'person', means: 'the config has errors; each is listed with its place' },
  USAGE: { cure: 'person', means: 'the command line is wrong' },
  NOT_POSSIBLE: { cure: 'person', means: 'the command cannot do that here; the message says why' },
  BAD_REQUEST: { cure: 'person', means: 'the source refused the request as malformed' },
  USAGE_EXPORT_TOO_LARGE: {
    cure: 'person',
    means: 'one export scans more usage than the source allows; choose a smaller grain',
  },
  UNAUTHORIZED: { cure: 'time', means: 'the source does not accept the API key, or the user and password' },
  FORBIDDEN: {
    cure: 'time',
    means: 'the API key lacks the scope USAGE_EXPORT_API, or the user a right to read the usage store',
  },
  WRONG_URL: { cure: 'time', means: 'base_url does not lead to a Usage Export API, or url not to ClickHouse' },
  REDIRECTED: { cure: 'time', means: 'the export route answered with a redirect, which a POST never follows' },
  RATE_LIMITED: { cure: 'time', means: 'the source answered 429 for longer than exportd waits' },
  SOURCE_UNREACHABLE: { cure: 'time', means: 'no connection to the source, or it broke' },
  SOURCE_TIMEOUT: { cure: 'time', means: 'the source did not answer in time' },
  SOURCE_ERROR: { cure: 'time', means: 'the source answered with a server error' },
  TLS_REFUSED: { cure: 'time', means: 'the certificate of the other side is not trusted here' },
  DOWNLOAD_FAILED: { cure: 'time', means: 'the storage host refused the download of an export' },
  DOWNLOAD_REFUSED: { cure: 'person', means: 'the download URL points where exportd does not go' },
  BODY_SHORT: { cure: 'time', means: 'the export arrived incomplete, or has other rows than the source counted' },
  BODY_MALFORMED: { cure: 'time', means: 'the export is not the CSV, JSON or Parquet that the contract describes' },
  STORE_OUTDATED: { cure: 'time', means: "the usage store's tables are missing or older than this version reads" },
  WORKSPACE_UNKNOWN: { cure: 'time', means: 'the usage store has no such workspace' },
  RETENTION_PASSED: { cure: 'person', means: 'the period reaches back past what the source keeps' },
  NO_PROGRESS: { cure: 'time', means: 'the source answered 429 for 15 minutes without one success' },
  VALUE_MISFIT: { cure: 'person', means: "a value does not fit its column's type" },
  COLUMN_REFUSED: { cure: 'person', means: 'a column of the export cannot land under its name' },
  COLUMN_NEW: { cure: 'person', means: 'the export has a new column and the job says schema: freeze' },
  ORG_TWICE: { cure: 'person', means: 'the table holds the same workspace under another source key' },
  ORG_MIXED: { cure: 'person', means: 'one export has rows of two workspaces' },
  TABLE_REFUSED: { cure: 'person', means: 'the table holds another report, or is not one of ours' },
  SPOOL_FULL: { cure: 'time', means: 'the spool folder has no room' },
  SPOOL_FAILED: { cure: 'time', means: 'the spool folder cannot be made or written to' },
  MEMORY_LIMIT: { cure: 'time', means: 'staging needs more than daemon.memory_limit' },
  DUCKDB_LOCKED: { cure: 'time', means: 'another process holds the DuckDB file' },
  DESTINATION_UNREACHABLE: { cure: 'time', means: 'the destination cannot be reached or opened' },
  ACCESS_DENIED: { cure: 'time', means: "the destination's account lacks a permission" },
  QUOTA_EXCEEDED: { cure: 'time', means: "a quota of the destination's account is used up" },
  DESTINATION_FULL: { cure: 'time', means: 'the disk of the destination has no room' },
  COMMIT_FAILED: { cure: 'time', means: 'the transaction was rolled back' },
  COMMIT_UNKNOWN: {
    cure: 'time',
    means: 'the answer to a commit was lost; it is asked for before anything is repeated',
  },
  SHRUNK: { cure: 'person', means: 'held: a reload brought far fewer rows than the table has' },
  TOO_FEW_ROWS: { cure: 'person', means: 'held: fewer rows than expect.min_rows' },
  WENT_EMPTY: { cure: 'person', means: 'held: a period with rows came back empty' },
  ALL_EMPTY: { cure: 'person', means: 'held: the source had nothing for every period of its first run' },
  NOT_TRIED: { cure: 'time', means: 'skipped: what it needs failed earlier in this run' },
  INTERRUPTED: { cure: 'time', means: 'the command was stopped' },
  INTERNAL: { cure: 'time', means: 'a bug in exportd; please report it' },
} as const satisfies Record<string, { cure: 'time' | 'person'; means: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** True where trying again by itself is pointless until a person has acted. Unknown codes (a newer version's) heal. */
export function needsPerson(code: string): boolean {
  return Object.hasOwn(ERROR_CODES, code) && ERROR_CODES[code as ErrorCode].cure === 'person';
}

export interface ErrorOptions {
  readonly scope: Scope;
  readonly retryable?: boolean | undefined;
  readonly retryAfter?: number | undefined;
  readonly hint?: string | undefined;
  readonly at?: ConfigPath | undefined;
  readonly cause?: unknown;
}

/** Every error a person may see. One place prints it (cli/output.ts), one decides by it (run/). */
export class ExportdError extends Error {
  override readonly name = 'ExportdError';
  readonly code: ErrorCode;
  readonly scope: Scope;
  /** The same call may succeed within this run. */
  readonly retryable: boolean;
  /** Milliseconds that the other side asked us to wait. */
  readonly retryAfter: number | undefined;
  /** What to do about it. */
  readonly hint: string | undefined;
  readonly at: ConfigPath | undefined;

  /** Never give a DuckDB error as cause: it quotes whole input lines. */
  constructor(code: ErrorCode, message: string, options: ErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.scope = options.scope;
    this.retryable = options.retryable ?? false;
    this.retryAfter = options.retryAfter;
    this.hint = options.hint;
    this.at = options.at;
  }
}
