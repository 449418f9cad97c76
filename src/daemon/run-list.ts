import type { ExportdError } from '../core/errors.ts';
import type { Instant } from '../core/words.ts';
import type { PeriodOutcome } from '../run/events.ts';
import type { DaemonEvent } from './daemon-events.ts';

/** One run, under way or over. */
export interface RunView {
  readonly runId: string;
  readonly jobs: readonly string[];
  readonly startedAt: Instant;
  /** undefined: under way. */
  readonly endedAt: Instant | undefined;
  readonly interrupted: boolean;
  readonly requests: number;
  readonly outcomes: Readonly<Record<PeriodOutcome, number>>;
  /** Rows of the periods that were loaded. */
  readonly rows: number;
  /** Bytes that arrived, attempts that were repeated included. */
  readonly bytes: number;
  /** What ended the whole of it. */
  readonly error: ExportdError | undefined;
}

type Run = { -readonly [Field in keyof RunView]: RunView[Field] } & { outcomes: Record<PeriodOutcome, number> };

/** Runs that are remembered, those under way included. */
const MOST = 200;

/** The newest runs. */
export class RunList {
  /** In the order in which they began. */
  readonly #runs = new Map<string, Run>();

  /** Newest first. */
  newest(): RunView[] {
    return [...this.#runs.values()].reverse();
  }

  run(runId: string): RunView | undefined {
    return this.#runs.get(runId);
  }

  tell(event: DaemonEvent): void {
    if (event.type === 'run.planned') this.#begin(event);
    const run = 'runId' in event && event.runId !== undefined ? this.#runs.get(event.runId) : undefined;
    if (run === undefined) return;
    switch (event.type) {
      case 'period.extracted':
        run.bytes += event.bytes;
        break;
      case 'period.done':
        run.outcomes[event.outcome] += 1;
        if (event.outcome === 'loaded') run.rows += event.rows;
        break;
      case 'run.finished':
        run.endedAt = event.at;
        run.interrupted = event.interrupted;
        break;
      case 'job.ended':
        // A run that threw has not said that it is over.
        run.endedAt ??= event.at;
        run.error = event.error;
        break;
      default:
    }
  }

  #begin({ runId, at, plans, requests }: Extract<DaemonEvent, { type: 'run.planned' }>): void {
    const outcomes = { loaded: 0, unchanged: 0, empty: 0, forgotten: 0, failed: 0, held: 0, skipped: 0 };
    const jobs = [...new Set(plans.map(({ job }) => job.name))];
    const over = { endedAt: undefined, interrupted: false, error: undefined };
    this.#runs.set(runId, { runId, jobs, startedAt: at, requests, outcomes, rows: 0, bytes: 0, ...over });
    const [oldest] = this.#runs.keys();
    if (this.#runs.size > MOST && oldest !== undefined) this.#runs.delete(oldest);
  }
}
