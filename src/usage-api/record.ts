import type { ApiKeyConfig } from '../config/settings.ts';
import type { Instant } from '../core/words.ts';
import type { ExportRequest, ExportRoute } from './request.ts';
import type { RowCount } from './whole-rows.ts';

/** What is known of one request for an export while it is answered. */
export interface ExportRecord {
  readonly route: ExportRoute;
  readonly at: Instant;
  /** Milliseconds on a clock that nobody sets. */
  readonly began: number;
  readonly client: string;
  readonly count: RowCount;
  key?: ApiKeyConfig;
  request?: ExportRequest;
  /** Why there was no export. */
  failure?: unknown;
}

/** How it ended. `broken`: the answer had begun and was not finished. */
export type Outcome = 'exported' | 'empty' | 'refused' | 'failed' | 'broken';

/** One request for an export, ended: what the audit line and the metrics say of it. Never a row, never a key. */
export interface Exported extends ExportRecord {
  readonly status: number;
  readonly outcome: Outcome;
  readonly ms: number;
}

export function ended(record: ExportRecord, status: number, isWhole: boolean): Exported {
  return { ...record, status, outcome: outcomeOf(status, isWhole), ms: Math.round(performance.now() - record.began) };
}

function outcomeOf(status: number, isWhole: boolean): Outcome {
  if (!isWhole) return 'broken';
  if (status < 300) return 'exported';
  if (status === 404) return 'empty';
  return status < 500 ? 'refused' : 'failed';
}
