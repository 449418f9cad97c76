import type { App } from '../app.ts';
import type { Config } from '../config/load.ts';
import { physicalOf } from '../config/physical-destination.ts';
import type { Job } from '../core/words.ts';

/** A config in force, or one whose last periods are ending, with everything that is open behind it. */
export class Reign {
  readonly config: Config;
  readonly jobs: ReadonlyMap<string, Job>;
  readonly #app: App;
  /** Where destinations physically are. */
  readonly #places: ReadonlyMap<string, string>;
  readonly #over = new AbortController();
  readonly #uses = new Set<Promise<unknown>>();

  constructor(config: Config, app: App) {
    this.config = config;
    this.jobs = new Map(config.jobs.map((job) => [job.name, job]));
    this.#places = new Map([...config.destinations].map(([name, destination]) => [name, physicalOf(destination)]));
    this.#app = app;
  }

  /** Equal for two jobs whose tables are physically one. */
  tableOf({ destination, table }: Job): string {
    return `${this.#places.get(destination)}\n${table.name}`;
  }

  /** Aborted when another config is in force: what has been asked for is finished, nothing more is asked. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Keeps everything open while the work goes on. */
  async use<T>(work: (app: App) => Promise<T>): Promise<T> {
    const use = work(this.#app);
    this.#uses.add(use);
    try {
      return await use;
    } finally {
      this.#uses.delete(use);
    }
  }

  /** Resolves when the last use has ended and everything is closed. */
  async end(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled(this.#uses);
    await this.#app[Symbol.asyncDispose]();
  }
}
