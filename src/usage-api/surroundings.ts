import type { UsageApiConfig } from '../config/settings.ts';
import type { Instant } from '../core/words.ts';
import type { ApiMetrics } from './metrics.ts';

/** What a client may take, so that no one of them keeps others waiting. Times in milliseconds. */
export interface Limits {
  /** Of a request's headers, from its first byte to their end. */
  readonly headers: number;
  /** Of a whole request. */
  readonly request: number;
  /** Without a byte of an answer taken. */
  readonly stall: number;
  /** Bytes of a body: an export request is a few hundred. */
  readonly body: number;
}

/** What every route works with. */
export interface Surroundings {
  /** The config in force. */
  readonly config: () => UsageApiConfig;
  /** Aborted where the grace of a stop is over. */
  readonly closing: AbortSignal;
  readonly limits: Limits;
  readonly clock: () => Instant;
  readonly metrics: ApiMetrics;
}
