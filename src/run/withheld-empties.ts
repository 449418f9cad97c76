import type { ExportdError } from '../core/errors.ts';
import type { Verdict } from '../core/judge.ts';
import { judgeWithheld, withholdsEmpties } from '../core/withheld.ts';
import type { Outcome, SourceKey, TableState } from '../core/words.ts';
import type { Extract } from '../sources/source.ts';
import type { Work } from './work.ts';

interface Withheld {
  readonly work: Work;
  readonly extract: Extract;
}

/** Empty periods of sources that have not brought a row to this table yet; see core/withheld.ts. */
export class WithheldEmpties {
  readonly #table: TableState;
  /** By source; undefined: the source's empty periods are what they seem. */
  readonly #bySource = new Map<SourceKey, Withheld[] | undefined>();
  readonly #broughtRows = new Set<SourceKey>();
  readonly #leftOpen = new Map<SourceKey, ExportdError>();

  constructor(table: TableState) {
    this.#table = table;
  }

  /** True where the period is kept back until `decide`. */
  keeps(work: Work, extract: Extract, outcome: Outcome): boolean {
    if (outcome !== 'empty') return false;
    const { key } = work.source;
    if (!this.#bySource.has(key)) this.#bySource.set(key, withholdsEmpties(this.#table, key) ? [] : undefined);
    const withheld = this.#bySource.get(key);
    withheld?.push({ work, extract });
    return withheld !== undefined;
  }

  /** Rows of the source were committed: its empty periods are believed. */
  brought(source: SourceKey): void {
    this.#broughtRows.add(source);
  }

  /** The run ends without all of the source's periods: they might have brought rows. */
  leavesOpen(source: SourceKey, because: ExportdError): void {
    if (!this.#leftOpen.has(source)) this.#leftOpen.set(source, because);
  }

  /** At the end of a run: what becomes of each period that was kept back, or why nothing can be said of it. */
  *decide(acceptHeld: boolean): Generator<Withheld & { readonly verdict: Verdict | ExportdError }> {
    for (const [source, withheld = []] of this.#bySource) {
      const brought = this.#broughtRows.has(source);
      for (const kept of withheld) {
        const { work } = kept;
        const verdict = judgeWithheld(withheld.length, brought, work.source, this.#table, work.job, acceptHeld);
        const open = verdict.outcome === 'held' ? this.#leftOpen.get(source) : undefined;
        yield { ...kept, verdict: open ?? verdict };
      }
    }
  }
}
