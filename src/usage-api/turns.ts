/** So many at once under each name; others wait, first come, first served. */
export class Turns {
  readonly #inUse = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Whoever holds a turn gives it back by disposing of it. Throws the signal's reason where that comes first. */
  async turn(name: string, most: number, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const inUse = this.#inUse.get(name) ?? 0;
    if (inUse < most) this.#inUse.set(name, inUse + 1);
    else await this.#wait(name, signal);
    return { [Symbol.dispose]: () => this.#leave(name) };
  }

  #wait(name: string, signal: AbortSignal): Promise<void> {
    const queue = this.#waiting.get(name) ?? [];
    this.#waiting.set(name, queue);
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        queue.splice(queue.indexOf(enter), 1);
        reject(signal.reason);
      };
      queue.push(enter);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** The place goes to the next who waits, or is free. */
  #leave(name: string): void {
    const next = this.#waiting.get(name)?.shift();
    const left = (this.#inUse.get(name) ?? 1) - 1;
    if (next !== undefined) next();
    else if (left > 0) this.#inUse.set(name, left);
    else {
      this.#inUse.delete(name);
      this.#waiting.delete(name);
    }
  }
}
