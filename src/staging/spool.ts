import type { Writable } from 'node:stream';

/** One file below the spool limit. Disposing deletes it; a killed process's files go at the next start. */
export interface SpoolFile extends AsyncDisposable {
  readonly path: string;
  /** Truncates, then writes. Fails with SPOOL_FULL (period, retryable) where the limit or the disk is reached. May be called again for a new attempt. */
  writable(): Writable;
  /** Counts what another writer (DuckDB) put at `path`; fails with SPOOL_FULL as above. */
  measure(): Promise<number>;
}

/**
 * `spool_dir/<instance>/`, mode 0700: bodies as they came for as long as a period is in hand, and nothing after exit.
 * Disposing removes the folder.
 */
export interface Spool extends AsyncDisposable {
  readonly directory: string;
  /** For temporary files of DuckDB and of drivers; inside `directory`. */
  readonly temporaryDirectory: string;
  /** A new file; `suffix` with its dot, e.g. `.csv`. Makes the folder again where it went missing. */
  file(suffix: string): SpoolFile;
}
