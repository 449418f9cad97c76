import type { ExportdError } from '../core/errors.ts';
import type { Body } from '../sources/source.ts';
import type { StagedLoad } from '../staging/staged.ts';
import type { Judgement } from './judgement.ts';
import type { Work } from './work.ts';

/** Where a batch is closed, whichever comes first. */
const MAX_PERIODS = 100;
const MAX_BYTES = 128_000_000;
/** Milliseconds after its first extract. */
export const MAX_AGE = 60_000;

/** A body that waits to be staged. */
export interface Arrival {
  readonly work: Work;
  readonly body: Body;
  /** Tells whoever fetched it: undefined, done with; an error: fetch it again. */
  readonly answer: (again: ExportdError | undefined) => void;
}

/** A period that is judged and ready to be committed. */
export interface Judged {
  readonly work: Work;
  readonly judgement: Extract<Judgement, { outcome: 'loaded' | 'unchanged' | 'empty' }>;
  /** Where it was staged. */
  readonly load?: StagedLoad;
}

/** What one transaction of one table will carry. */
export class OpenBatch {
  readonly arrivals: Arrival[] = [];
  /** Periods that need no staging: empty, or the same bytes as last time. */
  readonly judged: Judged[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.arrivals.length + this.judged.length === 0;
  }

  get isFull(): boolean {
    return this.arrivals.length + this.judged.length >= MAX_PERIODS || this.#bytes >= MAX_BYTES;
  }

  /** The same in two, for a machine that cannot stage it at once; undefined where one body is all there is. */
  halves(): readonly [OpenBatch, OpenBatch] | undefined {
    if (this.arrivals.length < 2) return undefined;
    const halves = [new OpenBatch(), new OpenBatch()] as const;
    for (const [index, arrival] of this.arrivals.entries()) halves[index % 2 === 0 ? 0 : 1].add(arrival);
    halves[1].judged.push(...this.judged);
    return halves;
  }

  add(arrival: Arrival): void {
    this.arrivals.push(arrival);
    this.#bytes += arrival.body.bytes;
  }
}

/** Whether fetching runs far enough ahead of one table's commits: two batches. */
export function isAhead(periods: number, bytes: number): boolean {
  return periods >= 2 * MAX_PERIODS || bytes >= 2 * MAX_BYTES;
}
