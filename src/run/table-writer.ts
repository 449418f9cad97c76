import { isNoteWorthWriting } from '../core/entry.ts';
import { ExportdError } from '../core/errors.ts';
import type { Instant, LedgerEntry } from '../core/words.ts';
import type { Body, Extract } from '../sources/source.ts';
import type { Staged, StagedLoad, Staging } from '../staging/staged.ts';
import { type Arrival, type Judged, MAX_AGE, OpenBatch } from './batch.ts';
import { asExportdError, interrupted, isSkip, notTried } from './failure.ts';
import type { Halt } from './halt.ts';
import { attemptOf, type Judgement, Judgements } from './judgement.ts';
import { PeriodReports } from './period-reports.ts';
import { type CommitContext, TableCommits } from './table-commits.ts';
import { Tenants } from './tenants.ts';
import { WithheldEmpties } from './withheld-empties.ts';
import type { TableWork, Work } from './work.ts';

export interface WriterContext extends CommitContext {
  readonly acceptHeld: boolean;
  readonly staging: Pick<Staging, 'stage' | 'open'>;
  /** Runs one staging of the process at a time: they share its memory limit. */
  readonly stagingTurn: <T>(task: () => Promise<T>) => Promise<T>;
}

type Landed = Judged & { readonly load: StagedLoad };

/**
 * Everything that one run writes to one table: collects answers into batches, then stages, judges and commits them,
 * one batch after the other. Every period ends in one `period.done`.
 */
export class TableWriter implements AsyncDisposable {
  readonly reports: PeriodReports;
  readonly #table: TableWork;
  readonly #context: WriterContext;
  readonly #judgements: Judgements;
  readonly #tenants: Tenants;
  readonly #commits: TableCommits;
  readonly #withheld: WithheldEmpties;
  /** Periods of the plan that have neither arrived nor been missed. */
  readonly #outstanding = { awaited: 0, history: 0 };
  readonly #order: ReadonlyMap<Work, number>;
  #batch = new OpenBatch();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #notes: LedgerEntry[] = [];
  #bytesInHand = 0;

  constructor(table: TableWork, context: WriterContext) {
    this.#table = table;
    this.#context = context;
    this.reports = new PeriodReports(context.emit, context.author, context.clock);
    this.#judgements = new Judgements(table.state, context.author, context.acceptHeld);
    this.#tenants = new Tenants(table.state);
    this.#commits = new TableCommits(table, context);
    this.#withheld = new WithheldEmpties(table.state);
    for (const work of table.works) this.#outstanding[work.ask.urgency] += 1;
    this.#order = new Map(table.works.map((work, index) => [work, index]));
  }

  /** Why nothing more may land in this table in this run: it was refused, or its destination is out of reach. */
  get halt(): Halt {
    return this.#commits.halt;
  }

  /** Bytes that arrived and are not staged yet. */
  get bytesInHand(): number {
    return this.#bytesInHand;
  }

  /**
   * Takes what a request brought. Resolves once no more is asked of whoever fetched it: undefined, or the error for
   * which the period must be fetched again (then `arrived` or `missed` is called once more).
   */
  async arrived(work: Work, extract: Extract): Promise<ExportdError | undefined> {
    const judgement = this.#judgements.ofAnswer(work, extract);
    if (extract.kind === 'body' && judgement.outcome === 'stage') {
      this.#bytesInHand += extract.bytes;
      const answered = new Promise<ExportdError | undefined>((answer) => {
        this.#batch.add({ work, body: extract, answer });
      });
      this.#came(work);
      return answered;
    }
    if (extract.kind === 'body') await extract.file[Symbol.asyncDispose]();
    if (judgement.error !== undefined) this.#note(work, judgement);
    else if (judgement.outcome !== 'stage' && !this.#withheld.keeps(work, extract, judgement.outcome)) {
      this.#batch.judged.push({ work, judgement });
    }
    this.#came(work);
    return undefined;
  }

  /** Says that a period will not arrive: skipped, or failed. */
  missed(work: Work, error: ExportdError): void {
    this.#fail(work, error, this.#context.clock());
    this.#came(work);
  }

  /** The spool has no room: what has arrived is staged and committed now, and not within the minute. */
  makeRoom(): void {
    this.#close();
  }

  /** After the last period arrived or was missed: commits the rest, decides on what was kept back, writes the notes. */
  async finish(): Promise<void> {
    this.#close();
    await this.#writing;
    for (const { work, extract, verdict } of this.#withheld.decide(this.#context.acceptHeld)) {
      if (verdict instanceof ExportdError) {
        this.reports.skipped(work, verdict);
        continue;
      }
      const judgement = this.#judgements.of(work, attemptOf(work, extract), verdict);
      if (judgement.error !== undefined) this.#note(work, judgement);
      else if (judgement.outcome !== 'stage') this.#batch.judged.push({ work, judgement });
      if (this.#batch.isFull) this.#close();
    }
    this.#close();
    await this.#writing;
    await this.#writeNotes();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
  }

  /** A period arrived or was missed: closes the batch where nothing that belongs in it is still to come. */
  #came(work: Work): void {
    const { urgency } = work.ask;
    this.#outstanding[urgency] -= 1;
    // What people wait for is committed before history fills the batch up.
    if (this.#batch.isFull || this.#outstanding[urgency] === 0) this.#close();
    else if (!this.#batch.isEmpty) this.#timer ??= setTimeout(() => this.#close(), MAX_AGE);
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch.isEmpty) return;
    const batch = this.#batch;
    this.#batch = new OpenBatch();
    // As planned, whoever answered first: of one workspace under two source keys it is always the first that lands.
    const place = ({ work }: Arrival) => this.#order.get(work) ?? 0;
    batch.arrivals.sort((one, other) => place(one) - place(other));
    this.#writing = this.#writing.then(() => this.#write(batch));
  }

  /** Never throws: whatever fails, fails the batch's periods. */
  async #write(batch: OpenBatch): Promise<void> {
    if (!(await this.#writeAtOnce(batch))) await this.#writeByFile(batch);
    // Answered last: whoever waits for room may go on once the batch is out of the way. A second answer says nothing.
    for (const arrival of batch.arrivals) arrival.answer(undefined);
    await this.#writeNotes();
  }

  /**
   * A batch of nothing but keys that are new to the table: parsed, measured and committed in one transaction, with no
   * file between. False: nothing has changed. Then the destination cannot do that, or some period is not to land as it
   * is, and the road by the file tells which and why.
   */
  async #writeAtOnce({ arrivals, judged }: OpenBatch): Promise<boolean> {
    if (arrivals.length === 0 || arrivals.some(({ work }) => work.state !== undefined)) return false;
    if (!this.#commits.canCommitFrom) return false;
    const { staging, stagingTurn, deadline } = this.#context;
    const { table, state } = this.#table;
    const beside = judged.filter((period) => this.#commits.isNews(period));
    let landed: readonly Landed[] = [];
    const committed = await this.#commits.commitFrom(
      () => staging.open(table, state, arrivals.map(bodyOf), deadline),
      (loads) => {
        landed = this.#judgeNew(arrivals, loads);
        return landed.length === arrivals.length ? [...beside, ...landed] : undefined;
      },
      stagingTurn,
    );
    if (!committed) return false;
    await this.#release(arrivals);
    for (const { work, load } of landed) for (const remark of remarksOf(load)) this.reports.remark(work, remark);
    for (const period of judged) if (!beside.includes(period)) this.reports.done(period.work, period.judgement);
    this.#committed([...beside, ...landed]);
    return true;
  }

  async #writeByFile(batch: OpenBatch): Promise<void> {
    let staged: Staged | undefined;
    const judged = [...batch.judged];
    try {
      if (batch.arrivals.length > 0) {
        staged = await this.#stage(batch.arrivals);
        await this.#release(batch.arrivals);
        for (const arrival of batch.arrivals) judged.push(...this.#judgeStaged(arrival, staged, judged));
      }
    } catch (cause) {
      const error = this.#failure(cause);
      const halves = error.code === 'MEMORY_LIMIT' ? batch.halves() : undefined;
      if (halves !== undefined) {
        for (const half of halves) await this.#writeByFile(half);
        return;
      }
      await this.#release(batch.arrivals);
      for (const arrival of batch.arrivals) this.#refuse(arrival, error);
    }
    try {
      await this.#commit(judged, staged);
    } finally {
      await Promise.allSettled([staged?.[Symbol.asyncDispose]()]);
    }
  }

  async #stage(arrivals: readonly Arrival[]): Promise<Staged> {
    const { clock, emit, author, staging, stagingTurn, deadline } = this.#context;
    const { table, state } = this.#table;
    const began = clock();
    const { stopped } = this.#commits.halt;
    if (stopped !== undefined) throw notTried(stopped);
    const staged = await stagingTurn(() => staging.stage(table, state, arrivals.map(bodyOf), deadline));
    const rows = staged.loads.reduce((sum, load) => sum + load.rows, 0);
    const size = { table: table.name, keys: arrivals.length, rows };
    emit({ type: 'batch.staged', runId: author.runId, at: clock(), ...size, ms: clock() - began });
    return staged;
  }

  /** Bodies that were staged, or never will be: their room in the spool is others'. */
  async #release(arrivals: readonly Arrival[]): Promise<void> {
    for (const { body } of arrivals) {
      this.#bytesInHand -= body.bytes;
      // What cannot be deleted now goes when the spool is closed, or at the next start: no load fails for it.
      await Promise.allSettled([body.file[Symbol.asyncDispose]()]);
    }
  }

  /** What of a staged body is to be committed: nothing, where it was refused, held, or must be fetched again. */
  #judgeStaged(arrival: Arrival, staged: Staged, beside: readonly Judged[]): Judged[] {
    const { work, body } = arrival;
    const load = loadOf(arrival, staged.loads);
    const problem = load.problem ?? this.#tenants.check(work.job, load, rowsOf(beside));
    if (problem !== undefined) {
      this.#refuse(arrival, problem);
      return [];
    }
    for (const remark of remarksOf(load)) this.reports.remark(work, remark);
    const judgement = this.#judgements.ofLoad(work, body, load);
    if (judgement.error !== undefined) {
      this.#note(work, judgement);
      return [];
    }
    if (judgement.outcome === 'stage' || this.#withheld.keeps(work, body, judgement.outcome)) return [];
    return [{ work, judgement, load }];
  }

  /** What lands of loads whose keys are new: fewer than there are where something is amiss with one, or to be held. */
  #judgeNew(arrivals: readonly Arrival[], loads: readonly StagedLoad[]): Landed[] {
    const landing: Landed[] = [];
    for (const arrival of arrivals) {
      const { work, body } = arrival;
      const load = loadOf(arrival, loads);
      if ((load.problem ?? this.#tenants.check(work.job, load, rowsOf(landing))) !== undefined) break;
      const judgement = this.#judgements.ofLoad(work, body, load);
      if (judgement.outcome !== 'loaded') break;
      landing.push({ work, judgement, load });
    }
    return landing;
  }

  async #commit(judged: readonly Judged[], staged: Staged | undefined): Promise<void> {
    const news = judged.filter((period) => this.#commits.isNews(period));
    for (const period of judged) if (!news.includes(period)) this.reports.done(period.work, period.judgement);
    try {
      await this.#commits.commit(news, staged);
    } catch (cause) {
      const error = asExportdError(cause);
      for (const { work, judgement } of news) this.#fail(work, error, judgement.entry.extractedAt);
      return;
    }
    this.#committed(news);
  }

  #committed(news: readonly Judged[]): void {
    for (const load of rowsOf(news)) this.#tenants.committed(load);
    for (const { work, judgement } of news) {
      if (judgement.entry.rowCount > 0) this.#withheld.brought(work.source.key);
      this.reports.done(work, judgement);
    }
  }

  /** A body that cannot land as it is: fetched again where that may help, else failed. */
  #refuse(arrival: Arrival, error: ExportdError): void {
    const { work, body, answer } = arrival;
    if (error.retryable) {
      this.#outstanding[work.ask.urgency] += 1;
      answer(error);
    } else this.#fail(work, error, body.requestedAt);
  }

  #fail(work: Work, error: ExportdError, at: Instant): void {
    if (isSkip(error)) {
      if (error.code !== 'RETENTION_PASSED') this.#withheld.leavesOpen(work.source.key, error);
      this.reports.skipped(work, error);
    } else this.#note(work, this.#judgements.ofFailure(work, error, at));
  }

  #note(work: Work, judgement: Judgement & { outcome: 'held' | 'failed' }): void {
    if (isNoteWorthWriting(judgement.entry, this.#table.state)) this.#notes.push(judgement.entry);
    this.reports.done(work, judgement);
  }

  async #writeNotes(): Promise<void> {
    const notes = this.#notes;
    this.#notes = [];
    await this.#commits.note(notes);
  }

  #failure(cause: unknown): ExportdError {
    return this.#context.deadline.aborted ? interrupted() : asExportdError(cause);
  }
}

function bodyOf({ body }: Arrival): Body {
  return body;
}

function loadOf({ work }: Arrival, loads: readonly StagedLoad[]): StagedLoad {
  const load = loads.find(({ ask }) => ask.period.key === work.ask.period.key);
  if (load === undefined) throw new Error(`staging lost ${work.ask.period.key}`);
  return load;
}

/** Loads whose rows a batch brings. */
function rowsOf(judged: readonly Judged[]): StagedLoad[] {
  return judged.flatMap(({ judgement, load }) => (load !== undefined && judgement.outcome === 'loaded' ? [load] : []));
}

function remarksOf(load: StagedLoad): string[] {
  const rounded =
    load.rounded === 0 ? [] : [`${load.rounded} values had more digits than their column and were rounded`];
  const discarded = load.discarded.length === 0 ? [] : [`new columns left out: ${load.discarded.join(', ')}`];
  return [...load.remarks, ...rounded, ...discarded];
}
