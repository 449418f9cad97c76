import { isNoteWorthWriting, isWorthWriting, ledgerEntry, unchangedEntry } from '../../src/core/entry.ts';
import { ExportdError } from '../../src/core/errors.ts';
import { judgeAnswer, judgeLoad, type Verdict } from '../../src/core/judge.ts';
import { planJob, type Wish } from '../../src/core/plan.ts';
import { stateOf } from '../../src/core/table-state.ts';
import { judgeWithheld, withholdsEmpties } from '../../src/core/withheld.ts';
import type {
  Instant,
  Job,
  KeyState,
  LedgerEntry,
  Period,
  PeriodKey,
  Plan,
  PlannedPeriod,
  TableState,
} from '../../src/core/words.ts';
import { someTable } from './some-job.ts';

/** What the source says of a period at an instant: how many rows, or that it does not answer. */
export type Answers = (period: Period, at: Instant) => number | 'down';

/**
 * A source, a table and a ledger in plain values: enough of a run to ask what sequences of ticks and outages do. A run
 * here is plan, request, judge, append; what real ones do about files, sockets and transactions is tested with real ones.
 */
export class World {
  readonly job: Job;
  /** Milliseconds from a plan to its requests, and on to their answers. */
  readonly answerTime: number;
  readonly entries: LedgerEntry[] = [];
  readonly requests: { readonly key: PeriodKey; readonly at: Instant; readonly reason: string }[] = [];
  private readonly answers: Answers;
  private readonly rows = new Map<PeriodKey, number>();

  constructor(job: Job, answers: Answers, answerTime = 0) {
    this.job = job;
    this.answers = answers;
    this.answerTime = answerTime;
  }

  plan(now: Instant, wish: Wish = { kind: 'tick' }): Plan {
    const [source] = this.job.sources;
    if (source === undefined) throw new Error('a world has one source');
    return planJob(this.job, source, now, this.read(), wish);
  }

  /** Plans and runs, and the rest of a bounded plan after it. */
  run(now: Instant, wish: Wish = { kind: 'tick' }): void {
    const plan = this.plan(now, wish);
    this.carryOut(plan, wish.kind === 'run' && wish.acceptHeld);
    for (let left = plan.postponed; left > 0; ) {
      const rest = this.plan(now, { kind: 'start' });
      this.carryOut(rest, false);
      left = rest.postponed < left ? rest.postponed : 0;
    }
  }

  private carryOut(plan: Plan, acceptHeld: boolean): void {
    const before = this.read();
    const withheld: { readonly planned: PlannedPeriod; readonly write: (verdict: Verdict) => void }[] = [];
    let broughtRows = false;
    for (const planned of plan.periods) {
      const { period } = planned;
      this.requests.push({ key: period.key, at: plan.now, reason: planned.reason });
      const rows = this.answers(period, plan.now + this.answerTime);
      const state = stateOf(before, period.key);
      const write = (verdict: Verdict): void => this.write(planned, plan.now, rows, verdict, state, before);
      if (rows === 'down') {
        write({ outcome: 'held', error: down });
        continue;
      }
      const answer =
        rows === 0
          ? ({ kind: 'nothing' } as const)
          : ({ kind: 'body', bodyDigest: `digest of ${rows}`, declaredRows: rows, strict: true } as const);
      let verdict = judgeAnswer(answer, period, before, this.job, acceptHeld);
      if (verdict.outcome === 'stage') {
        verdict = judgeLoad({ rows, fingerprint: `print of ${rows}` }, period, before, this.job, acceptHeld);
      }
      broughtRows ||= rows > 0;
      if (verdict.outcome === 'empty' && withholdsEmpties(before, plan.source.key)) withheld.push({ planned, write });
      else write(verdict);
    }
    const verdict = judgeWithheld(withheld.length, broughtRows, plan.source, before, this.job, acceptHeld);
    for (const { write } of withheld) write(verdict);
  }

  private write(
    planned: PlannedPeriod,
    requestedAt: Instant,
    rows: number | 'down',
    verdict: Verdict,
    state: KeyState | undefined,
    before: TableState,
  ): void {
    const count = rows === 'down' ? 0 : rows;
    const attempt = {
      loadId: `load ${this.entries.length}`,
      requestedAt,
      rows: count,
      bodyDigest: count === 0 ? undefined : `digest of ${count}`,
      fingerprint: count === 0 ? undefined : `print of ${count}`,
    };
    const { job } = this;
    if (verdict.outcome === 'held') {
      const outcome = rows === 'down' ? 'failed' : 'held';
      const note = ledgerEntry(outcome, planned, job, { ...attempt, errorCode: verdict.error.code }, writer);
      if (isNoteWorthWriting(note, before)) this.entries.push(note);
      return;
    }
    const entry =
      verdict.outcome === 'unchanged' && state !== undefined
        ? unchangedEntry(planned, job, attempt, writer, state)
        : ledgerEntry(verdict.outcome === 'empty' ? 'empty' : 'loaded', planned, job, attempt, writer);
    if (!isWorthWriting(entry, before)) return;
    this.entries.push(entry);
    if (entry.outcome !== 'unchanged') this.rows.set(entry.periodKey, entry.rowCount);
  }

  /** As a destination reads it. */
  read(): TableState {
    const states = new Map<PeriodKey, KeyState>();
    const firstPlanned = new Map<string, string>();
    for (const entry of this.entries) {
      states.set(entry.periodKey, after(states.get(entry.periodKey), entry));
      const first = firstPlanned.get(entry.source);
      const counts = entry.outcome !== 'held' && entry.outcome !== 'failed' && entry.reason !== 'requested';
      if (counts && (first === undefined || entry.periodDate < first)) firstPlanned.set(entry.source, entry.periodDate);
    }
    const total = this.rows.values().reduce((sum, rows) => sum + rows, 0);
    const exists = states.values().some(({ outcome }) => outcome !== undefined);
    return someTable({ exists, rows: total, ledgerRows: total, present: this.rows, states, firstPlanned });
  }
}

const writer = { runId: 'run', instance: 'here/00000000', exportdVersion: '0.0.0' };
const down = new ExportdError('SOURCE_UNREACHABLE', 'no answer', { scope: 'source', retryable: true });

/** A key as the ledger has it once one more row is appended. */
export function after(before: KeyState | undefined, entry: LedgerEntry): KeyState {
  const said = { at: entry.extractedAt, code: entry.errorCode ?? '' };
  if (entry.outcome === 'held' || entry.outcome === 'failed') {
    const kept = before ?? { ...stateFrom(entry), outcome: undefined, closed: false, settled: false, rows: 0 };
    return entry.outcome === 'held'
      ? { ...kept, held: said, failed: kept.failed && { ...kept.failed, last: false } }
      : { ...kept, failed: { ...said, last: true } };
  }
  return { ...stateFrom(entry), outcome: entry.outcome };
}

function stateFrom(entry: LedgerEntry): Omit<KeyState, 'outcome'> {
  return {
    source: entry.source,
    orgId: entry.orgId,
    periodDate: entry.periodDate,
    start: entry.periodStart,
    end: entry.periodEnd,
    closed: entry.closed,
    settled: entry.settled,
    rows: entry.rowCount,
    rowsLoadId: entry.rowsLoadId,
    policy: entry.policy,
    requestedAt: entry.extractedAt,
    held: undefined,
    failed: undefined,
    detail: { bodyDigest: entry.bodyDigest, fingerprint: entry.fingerprint, totals: entry.totals },
  };
}
