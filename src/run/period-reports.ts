import type { Writer } from '../core/entry.ts';
import type { ExportdError } from '../core/errors.ts';
import type { Instant } from '../core/words.ts';
import type { Emit } from './events.ts';
import type { Judgement } from './judgement.ts';
import type { Work } from './work.ts';

/** Says what happens to periods, to every job that planned them. */
export class PeriodReports {
  readonly #emit: Emit;
  readonly #runId: string;
  readonly #clock: () => Instant;

  constructor(emit: Emit, author: Writer, clock: () => Instant) {
    this.#emit = emit;
    this.#runId = author.runId;
    this.#clock = clock;
  }

  started(work: Work): void {
    this.#emit({ type: 'period.started', ...this.#of(work) });
  }

  extracted(work: Work, bytes: number, ms: number): void {
    this.#emit({ type: 'period.extracted', ...this.#of(work), bytes, ms });
  }

  retrying(work: Work, inMs: number, error: ExportdError): void {
    this.#emit({ type: 'period.retrying', ...this.#of(work), attempt: work.attempts, inMs, error });
  }

  remark(work: Work, message: string): void {
    this.#emit({ type: 'period.remark', ...this.#of(work), message });
  }

  /** The end of a period: once each. */
  done(work: Work, judgement: Exclude<Judgement, { outcome: 'stage' }>): void {
    const { outcome, entry, error } = judgement;
    for (const job of [work.job, ...work.alsoFor]) {
      this.#emit({
        type: 'period.done',
        ...this.#of(work),
        job: job.name,
        outcome,
        rows: entry.rowCount,
        was: rowsBefore(work),
        error,
        entry,
      });
    }
  }

  skipped(work: Work, error: ExportdError): void {
    for (const job of [work.job, ...work.alsoFor]) {
      const end = { outcome: 'skipped', rows: 0, was: rowsBefore(work), error, entry: undefined } as const;
      this.#emit({ type: 'period.done', ...this.#of(work), job: job.name, ...end });
    }
  }

  #of(work: Work) {
    return { runId: this.#runId, at: this.#clock(), job: work.job.name, key: work.planned.period.key };
  }
}

function rowsBefore(work: Work): number | undefined {
  return work.state?.outcome === undefined ? undefined : work.state.rows;
}
