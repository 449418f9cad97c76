/** A stream of pseudo-random numbers; the same words give the same stream, on every machine. */
export class Random {
  #state: number;

  constructor(...words: readonly (number | string)[]) {
    this.#state = hash(words.join('\n'));
  }

  /** mulberry32: 0 <= n < 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the items, each with its weight. */
  pick<T>(items: readonly T[], weight: (item: T) => number): T {
    let left = this.next() * items.reduce((sum, item) => sum + weight(item), 0);
    for (const item of items) {
      left -= weight(item);
      if (left < 0) return item;
    }
    const last = items.at(-1);
    if (last === undefined) throw new RangeError('There is nothing to pick from.');
    return last;
  }

  /** A count with this mean, most often small, at times large: 0, 1, 2 … */
  count(mean: number): number {
    return Math.floor(-Math.log(1 - this.next()) * mean + this.next());
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (const char of text) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return state;
}
