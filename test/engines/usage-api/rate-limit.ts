/** At most `limit` requests in any `window` milliseconds, counted together whoever sent them. */
export class RateLimit {
  readonly #limit: number;
  readonly #window: number;
  readonly #taken: number[] = [];

  constructor(limit: number, window: number) {
    this.#limit = limit;
    this.#window = window;
  }

  /** Milliseconds until there is room again, or undefined where this request has it. */
  take(): number | undefined {
    const now = performance.now();
    while (this.#taken[0] !== undefined && this.#taken[0] <= now - this.#window) this.#taken.shift();
    const [oldest] = this.#taken;
    if (oldest !== undefined && this.#taken.length >= this.#limit) return oldest + this.#window - now;
    this.#taken.push(now);
    return undefined;
  }
}
