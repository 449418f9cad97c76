import { ExportdError } from '../core/errors.ts';
import type { Instant } from '../core/words.ts';
import { Halt } from './halt.ts';

/** A source that answers nothing but 429 for this long has its periods failed: the next tick asks again. */
const PATIENCE = 15 * 60_000;

/** What a process knows of a source from its answers, across periods and runs. */
export class SourceHealth {
  /** Since when it has answered nothing but 429. */
  #braked: Instant | undefined;
  /** It was stopped before: the next run sends one request before it sends many. */
  #doubtful = false;
  #stoppedAt = Number.NEGATIVE_INFINITY;
  #halt = new Halt();
  #known = Promise.withResolvers<void>();
  #probes: Promise<unknown> = Promise.resolve();

  /** Of this run: stopped where the key was refused, or the URL is wrong. */
  get halt(): Halt {
    return this.#halt;
  }

  get doubtful(): boolean {
    return this.#doubtful;
  }

  /** Starts a period of a doubtful source: one at a time, of all runs, until it has answered well or was stopped again. */
  async probe(start: () => Promise<void>): Promise<void> {
    const turn = this.#probes.then(async () => {
      const ended = start();
      if (this.#doubtful) await Promise.race([ended, this.#known.promise]);
    });
    this.#probes = Promise.allSettled([turn]);
    await turn;
  }

  /**
   * A run begins: what stopped the source is tried again, unless the run was wished for before that. So of a thousand jobs
   * that are due at once, one finds out that the key is refused, and none of them tries again before the next tick.
   */
  begin(wishedAt: Instant, now: Instant): void {
    if (this.#halt.stopped === undefined) return;
    // A clock that went back since says nothing of what was before what.
    if (wishedAt < this.#stoppedAt && this.#stoppedAt <= now) return;
    this.#halt = new Halt();
    this.#known = Promise.withResolvers();
  }

  succeeded(): void {
    this.#braked = undefined;
    this.#doubtful = false;
    this.#known.resolve();
  }

  stop(error: ExportdError, now: Instant): void {
    this.#doubtful = true;
    this.#stoppedAt = now;
    this.#known.resolve();
    this.#halt.stop(error);
  }

  /** A 429 costs a period no attempt. Returns the error that ends all patience with the source, or undefined: ask again. */
  refused(now: Instant): ExportdError | undefined {
    this.#braked ??= now;
    if (now - this.#braked < PATIENCE) return undefined;
    return new ExportdError('NO_PROGRESS', 'the source answered 429 for 15 minutes without one success', {
      scope: 'source',
      hint: 'Lower rate_limit of this source, or find out who else uses up its limit. The next tick asks again.',
    });
  }
}
