import { landColumns } from '../core/columns.ts';
import { isWorthWriting, type Writer } from '../core/entry.ts';
import type { ExportdError } from '../core/errors.ts';
import type { Column, Instant, LedgerEntry, Retries } from '../core/words.ts';
import { type Batch, type Destination, expectedRows } from '../destinations/destination.ts';
import type { Landing, OpenBodies, Staged, StagedLoad } from '../staging/staged.ts';
import { backoff, pause } from './backoff.ts';
import type { Judged } from './batch.ts';
import type { Emit } from './events.ts';
import { asExportdError, interrupted, notTried } from './failure.ts';
import { Halt } from './halt.ts';
import type { TableWork } from './work.ts';

/** A year of hours may be held at once: their rows are passed on as one text, which takes a multiple of it to read. */
const NOTES_AT_ONCE = 1_000;

export interface CommitContext {
  readonly destination: Destination;
  readonly author: Writer;
  readonly emit: Emit;
  readonly clock: () => Instant;
  /** The only signal that a commit hears, and only until its transaction begins. */
  readonly deadline: AbortSignal;
}

/** What a run writes to one table: batches of judged periods, and notes. Knows what of the table it has seen made. */
export class TableCommits {
  readonly #table: TableWork;
  readonly #context: CommitContext;
  /** The columns that the table is known to have. */
  #prepared: Set<string> | undefined;
  /** Stopped where the table was refused, or its destination is out of reach: nothing more may land in this run. */
  readonly halt = new Halt();

  constructor(table: TableWork, context: CommitContext) {
    this.#table = table;
    this.#context = context;
  }

  /** Whether a judged period says anything that the ledger does not say already. */
  isNews({ judgement }: Judged): boolean {
    return isWorthWriting(judgement.entry, this.#table.state);
  }

  /**
   * Commits periods in one transaction, with its retries: the same batch again while the error heals and attempts are
   * left. Throws the last error; nothing of the batch is in the table then.
   */
  async commit(judged: readonly Judged[], staged: Staged | undefined): Promise<void> {
    if (judged.length === 0) return;
    const batch = this.#batchOf(judged, staged);
    const retries = mostPatient(judged.map(({ work }) => work.job.retries));
    const { author, clock, emit, deadline } = this.#context;
    try {
      if (this.halt.stopped !== undefined) throw notTried(this.halt.stopped);
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#attempt(batch);
        } catch (cause) {
          const error = asExportdError(cause);
          if (!error.retryable || attempt >= retries.maxAttempts || deadline.aborted) throw error;
          const inMs = Math.max(backoff(attempt, retries, Math.random()), error.retryAfter ?? 0);
          const table = batch.table.name;
          emit({ type: 'batch.retrying', runId: author.runId, at: clock(), table, attempt, inMs, error });
          await pause(inMs, deadline);
        }
      }
    } catch (cause) {
      const error = deadline.aborted ? interrupted() : asExportdError(cause);
      this.#stopAt(error);
      throw error;
    }
  }

  /** Whether `commitFrom` is of use. */
  get canCommitFrom(): boolean {
    return this.#context.destination.replaceFrom !== undefined && this.halt.stopped === undefined;
  }

  /**
   * Parses, judges and commits in one transaction, where the destination can. `judge`: undefined where the loads are not
   * to land as they are. False: nothing has changed, and the road by the file is open; so also after an error, since
   * that road meets it again and knows which period it is of, and whether to try again.
   */
  async commitFrom(
    open: () => Promise<OpenBodies | undefined>,
    judge: (loads: readonly StagedLoad[]) => readonly Judged[] | undefined,
    stagingTurn: <T>(task: () => Promise<T>) => Promise<T>,
  ): Promise<boolean> {
    const { destination, author, emit, clock, deadline } = this.#context;
    const { table } = this.#table;
    const began = clock();
    let size = { runId: author.runId, table: table.name, keys: 0, rows: 0 };
    let committing = began;
    const fill = async (bodies: OpenBodies, landing: Landing): Promise<Batch | undefined> => {
      // Not before the file is open: whoever waits for a file that is held keeps nobody from staging.
      const loads = await stagingTurn(() => bodies.into(landing));
      const judged = judge(loads);
      if (judged === undefined) return undefined;
      const batch = this.#batchOf(judged, undefined);
      size = { ...size, keys: batch.entries.length, rows: expectedRows(batch) };
      committing = clock();
      emit({ type: 'batch.staged', at: committing, ...size, ms: committing - began });
      if (deadline.aborted) return undefined;
      emit({ type: 'batch.committing', at: committing, ...size });
      return batch;
    };
    try {
      const bodies = await open();
      if (bodies === undefined) return false;
      await this.#prepare(bodies.columns);
      const done = await destination.replaceFrom?.(table, (landing) => fill(bodies, landing), deadline);
      if (done !== true) return false;
    } catch {
      return false;
    }
    emit({ type: 'batch.committed', at: clock(), ...size, ms: clock() - committing });
    return true;
  }

  #stopAt(error: ExportdError): void {
    if (error.scope === 'table' || error.scope === 'destination') this.halt.stop(error);
  }

  /** Appends notes. They change no state: where they cannot be written, that is said and no more. */
  async note(entries: readonly LedgerEntry[]): Promise<void> {
    if (entries.length === 0) return;
    let written = 0;
    try {
      if (this.halt.stopped === undefined) await this.#prepare(undefined);
      while (written < entries.length) {
        const some = entries.slice(written, written + NOTES_AT_ONCE);
        if (!(await this.#context.destination.note(some, this.#context.deadline))) break;
        written += some.length;
      }
    } catch (cause) {
      const error = asExportdError(cause);
      // A commit would try again.
      if (!error.retryable) this.#stopAt(error);
    }
    const left = entries.length - written;
    if (left > 0) this.#warn(`${left} failed or held periods could not be noted in the ledger`);
  }

  async #attempt(batch: Batch): Promise<void> {
    const { destination, author, emit, clock, deadline } = this.#context;
    await this.#prepare(batch.staged?.columns);
    const began = clock();
    const size = {
      runId: author.runId,
      table: batch.table.name,
      keys: batch.entries.length,
      rows: expectedRows(batch),
    };
    emit({ type: 'batch.committing', at: began, ...size });
    await destination.replace(batch, deadline);
    emit({ type: 'batch.committed', at: clock(), ...size, ms: clock() - began });
  }

  #batchOf(judged: readonly Judged[], staged: Staged | undefined): Batch {
    const entries = judged.map(({ judgement }) => judgement.entry);
    const insert = entries.filter(({ outcome }) => outcome === 'loaded').map(({ loadId }) => loadId);
    const dates = new Set(entries.map(({ periodDate }) => periodDate));
    for (const { work } of judged) if (work.state !== undefined) dates.add(work.state.periodDate);
    const { table } = this.#table;
    return { staged: insert.length === 0 ? undefined : staged, table, insert, entries, dates: [...dates].sort() };
  }

  /** Makes ledger, table and columns where this run has not seen them made. */
  async #prepare(columns: readonly Column[] | undefined): Promise<void> {
    const { table } = this.#table;
    const wanted = columns ?? landColumns(table.report, table.rules, table.schema).columns;
    const known = this.#prepared;
    if (known !== undefined && wanted.every(({ name }) => known.has(name))) return;
    const { made, warnings } = await this.#context.destination.prepare(table, wanted, this.#context.deadline);
    if (made === 'again') this.#warn(`table ${table.name} was gone and was made again: every period is loaded anew`);
    for (const message of warnings) this.#warn(message);
    this.#prepared = new Set([...(known ?? []), ...wanted.map(({ name }) => name)]);
  }

  #warn(message: string): void {
    const { author, clock, emit } = this.#context;
    emit({ type: 'table.warning', runId: author.runId, at: clock(), table: this.#table.table.name, message });
  }
}

/** Of several jobs' retries for one batch: the largest. */
function mostPatient(all: readonly Retries[]): Retries {
  return {
    maxAttempts: Math.max(...all.map(({ maxAttempts }) => maxAttempts)),
    minDelay: Math.max(...all.map(({ minDelay }) => minDelay)),
    maxDelay: Math.max(...all.map(({ maxDelay }) => maxDelay)),
  };
}
