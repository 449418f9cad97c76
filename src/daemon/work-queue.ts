import type { Wish } from '../core/plan.ts';
import type { Instant } from '../core/words.ts';
import type { Cause } from './daemon-events.ts';

/** A job that waits for its turn. */
export interface Queued {
  readonly job: string;
  /** Where it writes: two jobs of one table are never in hand one after the other, only together. */
  readonly table: string;
  readonly why: Cause;
  readonly tick: Instant | undefined;
  readonly wish: Wish;
}

/**
 * Jobs that wait and jobs in hand: no job overlaps itself, nor another on its table. What came meanwhile waits for their
 * end. What a bounded plan left over goes after all others.
 */
export class WorkQueue {
  #waiting: Queued[] = [];
  readonly #inHand = new Map<string, string>();

  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#inHand.size === 0;
  }

  /** What the schedule wishes of a job becomes one: the one that asks for most. What people wish is kept, each wish once. */
  add(entry: Queued): void {
    const isSame = (there: Queued) =>
      there.job === entry.job &&
      (entry.why === 'person'
        ? there.why === 'person' && wishOf(there) === wishOf(entry)
        : there.why !== 'person' && rank(there) <= rank(entry));
    if (this.#waiting.some(isSame)) return;
    if (entry.why !== 'person') {
      this.#waiting = this.#waiting.filter(({ job, why }) => job !== entry.job || why === 'person');
    }
    this.#waiting.push(entry);
  }

  isInHand(job: string): boolean {
    return this.#inHand.has(job);
  }

  /** Everything that may be planned now and has one wish in common, what waits longest first. It is in hand from now on. */
  take(): Queued[] {
    const busy = new Set(this.#inHand.values());
    const free = this.#waiting.filter(({ job, table }) => !busy.has(table) && !this.#inHand.has(job));
    const urgent = free.filter(({ why }) => why !== 'rest');
    const ready = urgent.length > 0 ? urgent : free;
    const [first] = ready;
    if (first === undefined) return [];
    const taken = ready.filter((entry) => wishOf(entry) === wishOf(first));
    this.#waiting = this.#waiting.filter((entry) => !taken.includes(entry));
    for (const { job, table } of taken) this.#inHand.set(job, table);
    return taken;
  }

  done(job: string): void {
    this.#inHand.delete(job);
  }

  /** Nothing that waits will start; what waited. */
  clear(): Queued[] {
    const waited = this.#waiting;
    this.#waiting = [];
    return waited;
  }
}

function wishOf({ wish }: Queued): string {
  return JSON.stringify(wish);
}

/** What asks for more goes before what asks for less: a tick plans everything that a start or a rest does. */
function rank({ why }: Queued): number {
  return { person: 0, tick: 1, reload: 2, start: 2, rest: 3 }[why];
}
