import { createHash, randomUUIDv7 } from 'node:crypto';
import { CONTRACT_VERSION } from '../core/contract.ts';
import { type Attempt, ledgerEntry, unchangedEntry, type Writer } from '../core/entry.ts';
import type { ExportdError } from '../core/errors.ts';
import { judgeAnswer, judgeLoad, type Verdict } from '../core/judge.ts';
import { stateOf } from '../core/table-state.ts';
import type { Instant, Job, LedgerEntry, TableState } from '../core/words.ts';
import type { Body, Extract } from '../sources/source.ts';
import type { StagedLoad } from '../staging/staged.ts';
import type { Work } from './work.ts';

/** What becomes of a period, and the ledger row that says so. */
export type Judgement =
  | { readonly outcome: 'stage'; readonly error?: undefined }
  | {
      readonly outcome: 'loaded' | 'unchanged' | 'empty';
      readonly entry: LedgerEntry;
      readonly error?: undefined;
    }
  | { readonly outcome: 'held' | 'failed'; readonly entry: LedgerEntry; readonly error: ExportdError };

/** Turns answers and measured loads into ledger rows, by core's judge. */
export class Judgements {
  readonly #table: TableState;
  readonly #author: Writer;
  readonly #acceptHeld: boolean;

  constructor(table: TableState, author: Writer, acceptHeld: boolean) {
    this.#table = table;
    this.#author = author;
    this.#acceptHeld = acceptHeld;
  }

  /** Of an answer that may need no staging. */
  ofAnswer(work: Work, extract: Extract): Judgement {
    const attempt = attemptOf(work, extract);
    const answer =
      extract.kind === 'nothing'
        ? { kind: extract.kind }
        : {
            kind: extract.kind,
            bodyDigest: bodyDigest(work, extract),
            declaredRows: extract.declaredRows,
            strict: extract.strict,
          };
    const verdict = judgeAnswer(answer, work.ask.period, this.#table, strictest(work), this.#acceptHeld);
    return verdict.outcome === 'stage' ? { outcome: 'stage' } : this.of(work, attempt, verdict);
  }

  /** Of a load that was staged without a problem. */
  ofLoad(work: Work, body: Body, load: StagedLoad): Judgement {
    const { loadId, rows, fingerprint, orgId, totals } = load;
    const attempt = { ...attemptOf(work, body), loadId, rows, fingerprint, orgId, totals };
    return this.of(work, attempt, judgeLoad(load, work.ask.period, this.#table, strictest(work), this.#acceptHeld));
  }

  /** Of a period that could not be had, or that cannot land. `at`: when its request left, or would have. */
  ofFailure(work: Work, error: ExportdError, at: Instant): Judgement & { readonly outcome: 'failed' } {
    const attempt = { loadId: randomUUIDv7(), requestedAt: at, errorCode: error.code };
    return {
      outcome: 'failed',
      entry: ledgerEntry('failed', work.planned, strictest(work), attempt, this.#author),
      error,
    };
  }

  of(work: Work, attempt: Attempt, verdict: Verdict): Judgement {
    const { planned } = work;
    const job = strictest(work);
    const { outcome } = verdict;
    if (outcome === 'held') {
      const { error } = verdict;
      const noted = { ...attempt, errorCode: error.code };
      return { outcome, entry: ledgerEntry(outcome, planned, job, noted, this.#author), error };
    }
    const before = stateOf(this.#table, planned.period.key);
    if (outcome === 'unchanged' && before !== undefined) {
      return { outcome, entry: unchangedEntry(planned, job, attempt, this.#author, before) };
    }
    const landed = outcome === 'empty' ? 'empty' : 'loaded';
    return { outcome: landed, entry: ledgerEntry(landed, planned, job, attempt, this.#author) };
  }
}

/**
 * The job that a period is judged by: the first that planned it, with whatever is strictest of the others, so that
 * `closed` and `settled` hold for each of them and nothing lands that one of them would have held.
 */
function strictest({ job, alsoFor }: Work): Job {
  if (alsoFor.length === 0) return job;
  const all = [job, ...alsoFor];
  return {
    ...job,
    window: {
      ...job.window,
      delay: Math.max(...all.map(({ window }) => window.delay)),
      lookback: Math.max(...all.map(({ window }) => window.lookback ?? 1)),
    },
    expect: {
      minRows: Math.max(...all.map(({ expect }) => expect.minRows)),
      maxShrink: Math.min(...all.map(({ expect }) => expect.maxShrink)),
    },
  };
}

/** What is known of an answer before its rows are. */
export function attemptOf(work: Work, extract: Extract): Attempt {
  const { requestedAt, answeredAt } = extract;
  const common = { loadId: randomUUIDv7(), requestedAt, answeredAt };
  if (extract.kind === 'nothing') return common;
  return { ...common, bytes: extract.bytes, bodyDigest: bodyDigest(work, extract) };
}

/** Same bytes under the same contract and policy land as the same rows. */
function bodyDigest(work: Work, body: Body): string {
  return createHash('sha256').update(`${CONTRACT_VERSION}/${work.job.table.policy}/${body.digest}`).digest('hex');
}
