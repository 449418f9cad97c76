import type { ExportdError } from '../core/errors.ts';
import type { Instant, LedgerEntry, Outcome, PeriodKey, Plan } from '../core/words.ts';

/** `skipped`: interrupted, its source was stopped, or it passed the retention edge. */
export type PeriodOutcome = Outcome | 'skipped';

/** Everything that progress, logs, metrics, alerts and tests know of a run. Each planned period ends in exactly one `period.done`. */
export type RunEvent = { readonly runId: string; readonly at: Instant } & (
  | { readonly type: 'run.planned'; readonly plans: readonly Plan[]; readonly requests: number }
  | { readonly type: 'job.refused'; readonly job: string; readonly error: ExportdError }
  | { readonly type: 'period.started'; readonly job: string; readonly key: PeriodKey }
  | {
      readonly type: 'period.extracted';
      readonly job: string;
      readonly key: PeriodKey;
      readonly bytes: number;
      readonly ms: number;
    }
  | {
      readonly type: 'period.retrying';
      readonly job: string;
      readonly key: PeriodKey;
      readonly attempt: number;
      readonly inMs: number;
      readonly error: ExportdError;
    }
  | {
      readonly type: 'period.done';
      readonly job: string;
      readonly key: PeriodKey;
      readonly outcome: PeriodOutcome;
      readonly rows: number;
      /** Rows that the period had before. */
      readonly was: number | undefined;
      readonly error: ExportdError | undefined;
      readonly entry: LedgerEntry | undefined;
    }
  /** Said once per period, e.g. rounded digits or discarded columns. */
  | { readonly type: 'period.remark'; readonly job: string; readonly key: PeriodKey; readonly message: string }
  | {
      readonly type: 'batch.staged';
      readonly table: string;
      readonly keys: number;
      readonly rows: number;
      readonly ms: number;
    }
  | { readonly type: 'batch.committing'; readonly table: string; readonly keys: number; readonly rows: number }
  | {
      readonly type: 'batch.committed';
      readonly table: string;
      readonly keys: number;
      readonly rows: number;
      readonly ms: number;
    }
  | {
      readonly type: 'batch.retrying';
      readonly table: string;
      readonly attempt: number;
      readonly inMs: number;
      readonly error: ExportdError;
    }
  | { readonly type: 'table.warning'; readonly table: string; readonly message: string }
  | { readonly type: 'source.slowed'; readonly source: string; readonly until: Instant }
  | {
      readonly type: 'run.finished';
      readonly outcomes: Readonly<Record<PeriodOutcome, number>>;
      readonly interrupted: boolean;
    }
);

/** Synchronous, and must not throw: a run has nobody to tell, and ends as with any bug (what is committed stays whole). */
export type Emit = (event: RunEvent) => void;
