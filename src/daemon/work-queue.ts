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
 * Jobs that wait, each once, and jobs in hand, each once: no job overlaps itself, nor another on its table. What came
 * meanwhile waits for their end. What a bounded plan left over goes after all others.
 */
export class WorkQueue {
  readonly #waiting = new Map<string, Queued>();
  readonly #inHand = new Map<string, string>();

  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#inHand.size === 0;
  }

  /** Several wishes of one job become one: the one that asks for most. */
  add(entry: Queued): void {
    const there = this.#waiting.get(entry.job);
    if (there !== undefined && rank(there) <= rank(entry)) return;
    this.#waiting.set(entry.job, entry);
  }

  isInHand(job: string): boolean {
    return this.#inHand.has(job);
  }

  /** Everything that may be planned now and has one wish in common, what waits longest first. It is in hand from now on. */
  take(): Queued[] {
    const busy = new Set(this.#inHand.values());
    const free = [...this.#waiting.values()].filter(({ table }) => !busy.has(table));
    const urgent = free.filter(({ why }) => why !== 'rest');
    const ready = urgent.length > 0 ? urgent : free;
    const wish = JSON.stringify(ready[0]?.wish);
    const taken = ready.filter((entry) => JSON.stringify(entry.wish) === wish);
    for (const { job, table } of taken) {
      this.#waiting.delete(job);
      this.#inHand.set(job, table);
    }
    return taken;
  }

  done(job: string): void {
    this.#inHand.delete(job);
  }

  /** Nothing that waits will start. */
  clear(): void {
    this.#waiting.clear();
  }

  /** Jobs that are gone wait for nothing. */
  keepOnly(jobs: { has(name: string): boolean }): void {
    for (const job of this.#waiting.keys()) if (!jobs.has(job)) this.#waiting.delete(job);
  }
}

/** What asks for more goes before what asks for less: a tick plans everything that a start or a rest does. */
function rank({ why }: Queued): number {
  return { person: 0, tick: 1, reload: 2, start: 2, rest: 3 }[why];
}
