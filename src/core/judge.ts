import { ExportdError } from './errors.ts';
import { isLoaded, isWhole, stateOf } from './table-state.ts';
import type { Fingerprint, Job, KeyState, Period, TableState } from './words.ts';

/** What came of a request, before it is staged. */
export type Answer =
  /** 404 NOT_FOUND: no usage. */
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'body';
      /** SHA-256 of contract version, policy and the body's own digest, as the ledger keeps it. */
      readonly bodyDigest: string;
      /** `recordCount`, and whether the source is held to it. */
      readonly declaredRows: number | undefined;
      readonly strict: boolean;
    };

/** What of a staged load its judgement depends on. */
export interface Measured {
  readonly rows: number;
  readonly fingerprint: Fingerprint;
}

/** `unchanged`: nothing is rewritten. `held`: the old rows stay, and the error says why. */
export type Verdict =
  | { readonly outcome: 'loaded' | 'unchanged' | 'empty' }
  | { readonly outcome: 'held'; readonly error: ExportdError };

/**
 * Judges an answer by itself: an empty one, or the very bytes that the table's rows came from. Where that is not enough
 * it must be staged. An empty period that is empty again is `empty`, never `unchanged`: there are no rows to stand for.
 * @param acceptHeld a person said that what would be held may land
 */
export function judgeAnswer(
  answer: Answer,
  period: Period,
  table: TableState,
  job: Job,
  acceptHeld: boolean,
): Verdict | { readonly outcome: 'stage' } {
  const before = stateOf(table, period.key);
  if (answer.kind === 'nothing') return judgeRows(0, before, job, acceptHeld);
  const same =
    isLoaded(before) &&
    before.detail?.bodyDigest === answer.bodyDigest &&
    (!answer.strict || answer.declaredRows === before.rows) &&
    isWhole(table, period.key);
  if (!same) return { outcome: 'stage' };
  return { outcome: before.outcome === 'empty' ? 'empty' : 'unchanged' };
}

/** Judges a load whose rows were staged and measured. */
export function judgeLoad(load: Measured, period: Period, table: TableState, job: Job, acceptHeld: boolean): Verdict {
  const before = stateOf(table, period.key);
  const same =
    load.rows > 0 && isLoaded(before) && before.detail?.fingerprint === load.fingerprint && isWhole(table, period.key);
  return same ? { outcome: 'unchanged' } : judgeRows(load.rows, before, job, acceptHeld);
}

/** Judges the number of rows that would replace what the table has. */
function judgeRows(rows: number, before: KeyState | undefined, job: Job, acceptHeld: boolean): Verdict {
  const { expect } = job;
  const was = before?.rows ?? 0;
  const held = (code: 'WENT_EMPTY' | 'TOO_FEW_ROWS' | 'SHRUNK', message: string): Verdict => ({
    outcome: 'held',
    error: new ExportdError(code, `${message}: held, the old rows stay`, {
      scope: 'period',
      hint: `where that is right, exportd run ${job.name} --accept-held lets it through`,
    }),
  });
  if (!acceptHeld) {
    if (rows === 0 && was > 0) return held('WENT_EMPTY', `came back empty where the table has ${was} rows`);
    if (rows < expect.minRows)
      return held('TOO_FEW_ROWS', `came with ${rows} rows, expect.min_rows is ${expect.minRows}`);
    if (was > 0 && (was - rows) / was > expect.maxShrink) {
      return held(
        'SHRUNK',
        `came with ${rows} rows where the table has ${was}, a loss of more than expect.max_shrink allows`,
      );
    }
  }
  return { outcome: rows === 0 ? 'empty' : 'loaded' };
}
