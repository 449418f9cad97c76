import type { ExportdError } from '../core/errors.ts';

/** What a period depends on, a source or a table, and that may be given up in the middle of a run. */
export class Halt {
  #stopped: ExportdError | undefined;
  readonly #controller = new AbortController();

  /** Why it was given up: the first reason. */
  get stopped(): ExportdError | undefined {
    return this.#stopped;
  }

  /** Aborted as soon as it is: requests that wait for their turn never leave. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(error: ExportdError): void {
    this.#stopped ??= error;
    this.#controller.abort();
  }
}
