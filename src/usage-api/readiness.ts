import type { ClickHouse } from '../clickhouse/connect.ts';
import { ExportdError } from '../core/errors.ts';
import { requireVersion } from '../usage-store/migrations.ts';
import type { ExportFiles } from './files.ts';

/** What must be there for exports to succeed. */
interface Needs {
  readonly store: ClickHouse;
  readonly files: ExportFiles;
}

/** Milliseconds for which one look holds: anybody may ask, and nobody is to tire the store with it. */
const HOLDS = 2_000;
const PATIENCE = 5_000;

/** Whether exports can be made: the store answers and is of our version, and files can be written. */
export class Readiness {
  readonly #needs: Needs;
  #look: { readonly at: number; readonly reasons: Promise<readonly string[]> } | undefined;
  stopping = false;

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** Empty where it is ready; else codes, which tell nobody where anything is. */
  async reasons(): Promise<readonly string[]> {
    if (this.stopping) return ['STOPPING'];
    const now = performance.now();
    if (this.#look === undefined || now - this.#look.at > HOLDS) this.#look = { at: now, reasons: this.#lookNow() };
    return await this.#look.reasons;
  }

  async #lookNow(): Promise<readonly string[]> {
    const { store, files } = this.#needs;
    const signal = AbortSignal.timeout(PATIENCE);
    const reason = (fallback: string) => (error: unknown) => (error instanceof ExportdError ? error.code : fallback);
    const looks = await Promise.all([
      store
        .rows('SELECT 1', {}, signal)
        .then(() => requireVersion(store, signal))
        .then(() => undefined, reason('SOURCE_TIMEOUT')),
      files.probe().then(() => undefined, reason('SPOOL_FAILED')),
    ]);
    return looks.filter((look) => look !== undefined);
  }
}
