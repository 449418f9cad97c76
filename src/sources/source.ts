import type { ExportdError } from '../core/errors.ts';
import type { Instant, Period, Report, Urgency } from '../core/words.ts';
import type { SpoolFile } from '../staging/spool.ts';

/** What one request is for. Nothing of tables. */
export interface Ask {
  readonly report: Report;
  readonly period: Period;
  readonly urgency: Urgency;
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
  readonly format: 'csv' | 'ndjson' | 'parquet';
  /** Of an ndjson body: every key that any of its rows has. Where the source does not say, staging looks for itself. */
  readonly columns?: readonly string[] | undefined;
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
   * garbage and the source unharmed. ndjson is one row a line, every value a string or null, numbers as their source
   * text, so that nothing passes through a double.
   *
   * `queued` is heard only while the request waits for its turn: what is under way goes on.
   */
  extract(ask: Ask, into: SpoolFile, signal: AbortSignal, queued?: AbortSignal): Promise<Extract>;
}

/** Milliseconds of a Retry-After that are waited for. A longer one fails what it was said to: the next tick asks again. */
export const LONGEST_RETRY_AFTER = 15 * 60_000;

/** Says that the source is being braked, and until when. */
export type OnSlowed = (until: Instant, error: ExportdError) => void;
