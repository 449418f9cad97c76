import type { ExportdError } from '../core/errors.ts';
import type { Instant, Period, Report, Urgency } from '../core/words.ts';
import type { SpoolFile } from '../staging/spool.ts';

/** What one request is for. Nothing of tables. */
export interface Ask {
  readonly report: Report;
  readonly period: Period;
  readonly urgency: Urgency;
}

/** How a source lays out rows that have keys: a CSV without a header, every text quoted, null an empty field, LF. */
export interface Layout {
  /** Whose value each field of a row is. A row has two fields at least; those beyond the columns are always empty. */
  readonly columns: readonly string[];
  /** Whether rows have fewer fields than columns: those from before a column's first value. */
  readonly isRagged: boolean;
  /** Whether some value holds a line end. */
  readonly spansLines: boolean;
  /** Bytes. */
  readonly longestRow: number;
}

/** A body that arrived to its last byte. */
export interface Body {
  readonly kind: 'body';
  readonly ask: Ask;
  /** When the request left: `_extracted_at`. `closed` and `settled` are judged at it, never later. */
  readonly requestedAt: Instant;
  /** When the answer's headers came; for the forecast only. */
  readonly answeredAt: Instant;
  readonly file: SpoolFile;
  readonly format: 'csv' | 'parquet';
  /** Of a CSV that the source wrote itself, without a header. undefined: as it came, header first. */
  readonly layout?: Layout | undefined;
  readonly bytes: number;
  /** SHA-256 of the bytes after content decoding, as they streamed; hex. */
  readonly digest: string;
  /** `recordCount`: what the source says, not what was counted. */
  readonly declaredRows: number | undefined;
  /** `record_count: strict`; where false a difference is said, not refused. */
  readonly strict: boolean;
}

/** 404 NOT_FOUND: a period without usage. */
export interface Nothing {
  readonly kind: 'nothing';
  readonly ask: Ask;
  readonly requestedAt: Instant;
  readonly answeredAt: Instant;
}

export type Extract = Body | Nothing;

export interface Source extends AsyncDisposable {
  /**
   * One attempt at one period, within the source's pace; never a retry of its own.
   *
   * Throws RETENTION_PASSED (period, not retryable) where the period reaches past the source's edge at the instant the
   * request would leave. Returned: the file holds the body to its last byte. Thrown, aborted or killed: the file is
   * garbage and the source unharmed. Rows that came as JSON have numbers as their source text, so that nothing passes
   * through a double.
   *
   * `queued` is heard only while the request waits for its turn: what is under way goes on.
   */
  extract(ask: Ask, into: SpoolFile, signal: AbortSignal, queued?: AbortSignal): Promise<Extract>;
}

/** Milliseconds of a Retry-After that are waited for. A longer one fails what it was said to: the next tick asks again. */
export const LONGEST_RETRY_AFTER = 15 * 60_000;

/** Says that the source is being braked, and until when. */
export type OnSlowed = (until: Instant, error: ExportdError) => void;
