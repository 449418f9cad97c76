import { landColumns } from '../core/columns.ts';
import { isNoteWorthWriting, isWorthWriting, type Writer } from '../core/entry.ts';
import type { ExportdError } from '../core/errors.ts';
import { judgeWithheld, withholdsEmpties } from '../core/withheld.ts';
import type { Column, Instant, LedgerEntry, Outcome, Retries, SourceKey } from '../core/words.ts';
import type { Destination } from '../destinations/destination.ts';
import type { Body, Extract } from '../sources/source.ts';
import type { Staged, StagedLoad } from '../staging/staged.ts';
import { type Arrival, type Judged, MAX_AGE, OpenBatch } from './batch.ts';
import { commitBatch } from './commit-batch.ts';
import type { Emit } from './events.ts';
import { asExportdError, interrupted, isSkip, notTried } from './failure.ts';
import { attemptOf, type Judgement, Judgements } from './judgement.ts';
import { PeriodReports } from './period-reports.ts';
import { Tenants } from './tenants.ts';
import type { TableWork, Work } from './work.ts';

export interface WriterContext {
  readonly destination: Destination;
  readonly author: Writer;
  readonly emit: Emit;
  readonly clock: () => Instant;
  readonly acceptHeld: boolean;
  /** Heard by staging, and by commits until their transaction begins. */
  readonly deadline: AbortSignal;
  readonly stage: (bodies: readonly Body[]) => Promise<Staged>;
}

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
  /** Periods of the plan that have neither arrived nor been missed. */
  readonly #outstanding = { awaited: 0, history: 0 };
  readonly #withheld = new Map<SourceKey, { readonly work: Work; readonly extract: Extract }[]>();
  readonly #broughtRows = new Set<SourceKey>();
  /** Whether a source's empty periods are kept back; asked of core once per source. */
  readonly #withholds = new Map<SourceKey, boolean>();
  #batch = new OpenBatch();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #notes: LedgerEntry[] = [];
  /** The columns that the table is known to have. */
  #prepared: Set<string> | undefined;
  #bytesInHand = 0;
  #stopped: ExportdError | undefined;

  constructor(table: TableWork, context: WriterContext) {
    this.#table = table;
    this.#context = context;
    this.reports = new PeriodReports(context.emit, context.author, context.clock);
    this.#judgements = new Judgements(table.state, context.author, context.acceptHeld);
    this.#tenants = new Tenants(table.state);
    for (const work of table.works) this.#outstanding[work.ask.urgency] += 1;
  }

  /** Why nothing more may land in this table in this run: it was refused, or its destination is out of reach. */
  get stopped(): ExportdError | undefined {
    return this.#stopped;
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
    else if (judgement.outcome !== 'stage' && !this.#isWithheld(work, extract, judgement.outcome)) {
      this.#batch.judged.push({ work, judgement });
    }
    this.#came(work);
    return undefined;
  }

  /** Says that a period will not arrive: skipped, or failed. */
  missed(work: Work, error: ExportdError): void {
    if (isSkip(error)) this.reports.skipped(work, error);
    else this.#note(work, this.#judgements.ofFailure(work, error, this.#context.clock()));
    this.#came(work);
  }

  /** After the last period arrived or was missed: commits the rest, decides on what was kept back, writes the notes. */
  async finish(): Promise<void> {
    this.#close();
    await this.#writing;
    for (const [source, withheld] of this.#withheld) {
      for (const { work, extract } of withheld) {
        const { acceptHeld } = this.#context;
        const brought = this.#broughtRows.has(source);
        const verdict = judgeWithheld(withheld.length, brought, work.source, this.#table.state, work.job, acceptHeld);
        const judgement = this.#judgements.of(work, attemptOf(work, extract), verdict);
        if (judgement.error !== undefined) this.#note(work, judgement);
        else if (judgement.outcome !== 'stage') this.#batch.judged.push({ work, judgement });
      }
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
    this.#writing = this.#writing.then(() => this.#write(batch));
  }

  /** Never throws: whatever fails, fails the batch's periods. */
  async #write(batch: OpenBatch): Promise<void> {
    let staged: Staged | undefined;
    const judged = [...batch.judged];
    try {
      if (batch.arrivals.length > 0) {
        staged = await this.#stage(batch.arrivals);
        for (const arrival of batch.arrivals) judged.push(...this.#judgeStaged(arrival, staged));
      }
    } catch (cause) {
      const error = this.#failure(cause);
      for (const arrival of batch.arrivals) this.#refuse(arrival, error);
    }
    try {
      await this.#commit(judged, staged);
    } finally {
      await staged?.[Symbol.asyncDispose]();
    }
    // Answered last: whoever waits for room may go on once the batch is out of the way. A second answer says nothing.
    for (const arrival of batch.arrivals) arrival.answer(undefined);
    await this.#writeNotes();
  }

  async #stage(arrivals: readonly Arrival[]): Promise<Staged> {
    const { clock, emit, author, stage } = this.#context;
    const began = clock();
    try {
      const staged = await stage(arrivals.map(({ body }) => body));
      const rows = staged.loads.reduce((sum, load) => sum + load.rows, 0);
      const size = { table: this.#table.table.name, keys: arrivals.length, rows };
      emit({ type: 'batch.staged', runId: author.runId, at: clock(), ...size, ms: clock() - began });
      return staged;
    } finally {
      for (const { body } of arrivals) {
        this.#bytesInHand -= body.bytes;
        await body.file[Symbol.asyncDispose]();
      }
    }
  }

  /** What of a staged body is to be committed: nothing, where it was refused, held, or must be fetched again. */
  #judgeStaged(arrival: Arrival, staged: Staged): Judged[] {
    const { work, body } = arrival;
    const load = staged.loads.find(({ ask }) => ask.period.key === work.ask.period.key);
    if (load === undefined) throw new Error(`staging lost ${work.ask.period.key}`);
    const problem = load.problem ?? this.#tenants.check(work.job, load);
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
    if (judgement.outcome === 'stage' || this.#isWithheld(work, body, judgement.outcome)) return [];
    return [{ work, judgement, load }];
  }

  /** Keeps an empty period back where its source has not brought a row to this table yet; see core/withheld.ts. */
  #isWithheld(work: Work, extract: Extract, outcome: Outcome): boolean {
    const { key } = work.source;
    if (outcome !== 'empty') return false;
    const withholds = this.#withholds.get(key) ?? withholdsEmpties(this.#table.state, key);
    this.#withholds.set(key, withholds);
    if (!withholds) return false;
    const withheld = this.#withheld.get(key) ?? [];
    this.#withheld.set(key, withheld);
    withheld.push({ work, extract });
    return true;
  }

  async #commit(judged: readonly Judged[], staged: Staged | undefined): Promise<void> {
    const { destination, author, clock, emit, deadline } = this.#context;
    const { table, state } = this.#table;
    const writing = judged.filter(({ judgement }) => isWorthWriting(judgement.entry, state));
    for (const { work, judgement } of judged) {
      if (!isWorthWriting(judgement.entry, state)) this.reports.done(work, judgement);
    }
    if (writing.length === 0) return;
    const entries = writing.map(({ judgement }) => judgement.entry);
    const insert = entries.filter(({ outcome }) => outcome === 'loaded').map(({ loadId }) => loadId);
    const dates = new Set(
      writing.flatMap(({ work, judgement }) => [
        judgement.entry.periodDate,
        work.state?.periodDate ?? judgement.entry.periodDate,
      ]),
    );
    const batch = {
      staged: insert.length === 0 ? undefined : staged,
      table,
      insert,
      entries,
      dates: [...dates].sort(),
    };
    const retries = mostPatient(writing.map(({ work }) => work.job.retries));
    const context = { destination, runId: author.runId, clock, emit, deadline };
    try {
      if (this.#stopped !== undefined) throw notTried(this.#stopped);
      await commitBatch(batch, () => this.#prepare(staged?.columns), retries, context);
    } catch (cause) {
      const error = this.#failure(cause);
      if (error.scope === 'table' || error.scope === 'destination') this.#stopped ??= error;
      for (const { work, judgement } of writing) this.#fail(work, error, judgement.entry.extractedAt);
      return;
    }
    for (const { work, judgement, load } of writing) {
      if (load !== undefined && judgement.outcome === 'loaded') this.#tenants.committed(load);
      if (judgement.entry.rowCount > 0) this.#broughtRows.add(work.source.key);
      this.reports.done(work, judgement);
    }
  }

  /** Makes ledger, table and columns where this run has not seen them made. */
  async #prepare(columns: readonly Column[] | undefined): Promise<void> {
    const { destination, author, clock, emit, deadline } = this.#context;
    const { table } = this.#table;
    const wanted = columns ?? landColumns(table.report, table.rules, table.schema).columns;
    const known = this.#prepared;
    if (known !== undefined && wanted.every(({ name }) => known.has(name))) return;
    const { made, warnings } = await destination.prepare(table, wanted, deadline);
    const again =
      made === 'again' ? [`table ${table.name} was gone and was made again: every period is loaded anew`] : [];
    for (const message of [...again, ...warnings]) {
      emit({ type: 'table.warning', runId: author.runId, at: clock(), table: table.name, message });
    }
    this.#prepared = new Set([...(known ?? []), ...wanted.map(({ name }) => name)]);
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
    if (isSkip(error)) this.reports.skipped(work, error);
    else this.#note(work, this.#judgements.ofFailure(work, error, at));
  }

  #note(work: Work, judgement: Judgement & { outcome: 'held' | 'failed' }): void {
    if (isNoteWorthWriting(judgement.entry, this.#table.state)) this.#notes.push(judgement.entry);
    this.reports.done(work, judgement);
  }

  /** Notes change no state: where they cannot be written, that is said and no more. */
  async #writeNotes(): Promise<void> {
    const notes = this.#notes;
    this.#notes = [];
    if (notes.length === 0) return;
    const { destination, author, clock, emit } = this.#context;
    let written = false;
    try {
      if (this.#stopped === undefined) await this.#prepare(undefined);
      written = await destination.note(notes);
    } catch (cause) {
      this.#stopped ??= this.#failure(cause);
    }
    if (written) return;
    const message = `${notes.length} failed or held periods could not be noted in the ledger`;
    emit({ type: 'table.warning', runId: author.runId, at: clock(), table: this.#table.table.name, message });
  }

  #failure(cause: unknown): ExportdError {
    return this.#context.deadline.aborted ? interrupted() : asExportdError(cause);
  }
}

function remarksOf(load: StagedLoad): string[] {
  const rounded =
    load.rounded === 0 ? [] : [`${load.rounded} values had more digits than their column and were rounded`];
  const discarded = load.discarded.length === 0 ? [] : [`new columns left out: ${load.discarded.join(', ')}`];
  return [...load.remarks, ...rounded, ...discarded];
}

/** Of several jobs' retries for one batch: the largest. */
function mostPatient(all: readonly Retries[]): Retries {
  return {
    maxAttempts: Math.max(...all.map(({ maxAttempts }) => maxAttempts)),
    minDelay: Math.max(...all.map(({ minDelay }) => minDelay)),
    maxDelay: Math.max(...all.map(({ maxDelay }) => maxDelay)),
  };
}
