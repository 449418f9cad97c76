import type { Urgency } from '../core/words.ts';
import type { Share } from './share.ts';
import type { Queued } from './work-queue.ts';

/** Jobs of one table that are planned. */
export interface Planned extends Share {
  readonly entries: readonly Queued[];
}

/** What is planned and waits for one of the `daemon.concurrency` places, and what has one. */
export class Places {
  #waiting: Planned[] = [];
  readonly #taken = new Set<Planned>();

  waiting(urgency: Urgency): number {
    return this.#waiting.filter((planned) => planned.urgency === urgency).length;
  }

  add(planned: Planned): void {
    this.#waiting.push(planned);
  }

  /**
   * Gives a place to whose turn it is, where there is one. What people wait for goes before history, which leaves it a
   * place where there are several. Of equals the first whose sources have the fewest: one that answers slowly does not
   * fill every place.
   */
  give(places: number): Planned | undefined {
    if (this.#taken.size >= places) return undefined;
    const histories = [...this.#taken].filter(isHistory).length;
    const awaited = this.#waiting.filter((planned) => !isHistory(planned));
    const next = this.#leastBusy(awaited.length > 0 || histories >= Math.max(1, places - 1) ? awaited : this.#waiting);
    if (next === undefined) return undefined;
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    this.#taken.add(next);
    return next;
  }

  leave(planned: Planned): void {
    this.#taken.delete(planned);
  }

  /** Takes out of those that wait what fits. */
  recall(fits: (planned: Planned) => boolean): Planned[] {
    const recalled = this.#waiting.filter(fits);
    this.#waiting = this.#waiting.filter((planned) => !recalled.includes(planned));
    return recalled;
  }

  #leastBusy(candidates: readonly Planned[]): Planned | undefined {
    const busy = [...this.#taken].flatMap(sourcesOf);
    const runsOf = (candidate: Planned) => busy.filter((source) => sourcesOf(candidate).includes(source)).length;
    return candidates.map((planned) => ({ planned, runs: runsOf(planned) })).sort((a, b) => a.runs - b.runs)[0]
      ?.planned;
  }
}

function isHistory({ urgency }: Planned): boolean {
  return urgency === 'history';
}

function sourcesOf({ planning }: Planned): string[] {
  return [...new Set(planning.plans.map(({ source }) => source.name))];
}
