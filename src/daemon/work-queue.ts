import type { Wish } from '../core/plan.ts';
import type { Instant } from '../core/words.ts';
import type { Cause } from './daemon-events.ts';

/** A job that waits for its turn. */
export interface Queued {
  readonly job: string;
  /** Names in the YAML; of several sources the first. */
  readonly source: string;
  readonly destination: string;
  /** Where it writes: equal for two tables that are physically one. */
  readonly table: string;
  readonly why: Cause;
  readonly tick: Instant | undefined;
  readonly wish: Wish;
  /** What is left of it, and waits anew, keeps this. */
  readonly wishedAt: Instant;
}

/** Whether more may be planned of a destination. */
export type MayPlan = (destination: string, why: Cause) => boolean;

/**
 * Jobs that wait, and jobs in hand, each once: no job overlaps itself, nor another on its table. What comes meanwhile
 * waits for their end. What a plan left over goes after all else.
 */
export class WorkQueue {
  readonly #waiting = new Map<string, Queued>();
  /** Tables in hand, by job. */
  readonly #inHand = new Map<string, string>();

  /** What the schedule wishes of one job becomes one: the wish that asks for most. What people wish stands beside it, once. */
  add(entry: Queued): void {
    const key = entry.why === 'person' ? `${entry.job}\n${JSON.stringify(entry.wish)}` : entry.job;
    const there = this.#waiting.get(key);
    if (there === undefined || RANK[entry.why] < RANK[there.why]) this.#waiting.set(key, entry);
  }

  isInHand(job: string): boolean {
    return this.#inHand.has(job);
  }

  /**
   * What can be planned with one read: of one destination, with one wish, what waits longest first. Where there is more,
   * sources take turns. In hand from now on.
   */
  take(mayPlan: MayPlan, most: number): Queued[] {
    const busy = new Set(this.#inHand.values());
    const due = this.dueTables();
    let first: Queued | undefined;
    const candidates = new Map<string, Queued>();
    for (const entry of this.#waiting.values()) {
      // A job that loads elsewhere since its config was read again is still in hand where it loaded before.
      if (busy.has(entry.table) || this.#inHand.has(entry.job) || !mayPlan(entry.destination, entry.why)) continue;
      if (entry.why === 'rest' && due.has(entry.table)) continue;
      // Whatever is due goes before what was left over.
      if (first === undefined || (first.why === 'rest' && entry.why !== 'rest')) {
        first = entry;
        candidates.clear();
      } else if (!isPlannedWith(entry, first)) continue;
      if (!candidates.has(entry.job)) candidates.set(entry.job, entry);
    }
    const taken = inTurns([...candidates.values()]).slice(0, most);
    const gone = new Set(taken);
    for (const [key, entry] of this.#waiting) if (gone.has(entry)) this.#waiting.delete(key);
    for (const { job, table } of taken) this.#inHand.set(job, table);
    return taken;
  }

  /** Tables on which more than a left-over waits. */
  dueTables(): ReadonlySet<string> {
    return new Set([...this.#waiting.values()].filter(({ why }) => why !== 'rest').map(({ table }) => table));
  }

  done(job: string): void {
    this.#inHand.delete(job);
  }

  /** Nothing that waits will start; what waited. */
  clear(): Queued[] {
    const waited = [...this.#waiting.values()];
    this.#waiting.clear();
    return waited;
  }
}

/** A tick plans everything that a start does, and a start everything that was left over. */
const RANK: Readonly<Record<Cause, number>> = { person: 0, tick: 0, reload: 1, start: 1, rest: 2 };

/** The first of each source, then the second of each, and so on. */
function inTurns(entries: readonly Queued[]): Queued[] {
  const rounds: Queued[][] = [];
  const turns = new Map<string, number>();
  for (const entry of entries) {
    const turn = turns.get(entry.source) ?? 0;
    turns.set(entry.source, turn + 1);
    rounds[turn] ??= [];
    rounds[turn].push(entry);
  }
  return rounds.flat();
}

function isPlannedWith(entry: Queued, first: Queued): boolean {
  if (entry.destination !== first.destination || (entry.why === 'rest') !== (first.why === 'rest')) return false;
  return entry.wish === first.wish || JSON.stringify(entry.wish) === JSON.stringify(first.wish);
}
