import type { Writer } from '../core/entry.ts';
import type { ExportdError } from '../core/errors.ts';
import type { Instant, Plan, TableState } from '../core/words.ts';
import type { Destination } from '../destinations/destination.ts';
import type { Extract as Answer, Source } from '../sources/source.ts';
import type { Spool } from '../staging/spool.ts';
import type { Staging } from '../staging/staged.ts';
import { isAhead } from './batch.ts';
import type { Emit, PeriodOutcome, RunEvent } from './events.ts';
import { asExportdError, interrupted } from './failure.ts';
import { fetchPeriod, waitForRetry } from './fetch-period.ts';
import type { SourceHealth } from './source-health.ts';
import { TableWriter } from './table-writer.ts';
import { type TableWork, type Work, workOf } from './work.ts';

/** What a run works with. It opens and closes none of it. */
export interface RunTools {
  /** By the names of the YAML. */
  source(name: string): Promise<Source>;
  destination(name: string): Promise<Destination>;
  /** Equal for two destinations that are physically one: their tables have one writer. */
  physical(destination: string): string;
  health(source: string): SourceHealth;
  readonly staging: Staging;
  /** Runs one staging of the process at a time: they share its memory limit. */
  readonly stagingTurn: <T>(task: () => Promise<T>) => Promise<T>;
  readonly spool: Spool;
  readonly clock: () => Instant;
}

export interface RunOptions {
  readonly author: Writer;
  readonly emit: Emit;
  readonly acceptHeld: boolean;
  /** No new request; requests under way are given up; what is extracted is committed. */
  readonly stop: AbortSignal;
  /** No new request, as with `stop`; requests under way are answered, and what they bring is committed. */
  readonly enough: AbortSignal;
  /** When it was wished for: a source that was stopped since is not tried again. */
  readonly wishedAt: Instant;
  /** The end of patience after `stop`: staging is given up, and commits whose transaction has not begun. */
  readonly deadline: AbortSignal;
}

/** How one planned period ended. */
export type PeriodResult = Pick<
  Extract<RunEvent, { type: 'period.done' }>,
  'job' | 'key' | 'outcome' | 'rows' | 'was' | 'error'
>;

export interface RunSummary {
  readonly runId: string;
  readonly interrupted: boolean;
  readonly outcomes: Readonly<Record<PeriodOutcome, number>>;
  readonly periods: readonly PeriodResult[];
}

/**
 * Carries plans out, every table at once; requests leave in the order of each source's pace, what people wait for
 * first. One period's failure stops no other; a refused key stops its source, a refused table its table.
 * Never throws for a period: each ends in exactly one `period.done`.
 *
 * @param states by job name, from the same `read` as the plans
 */
export async function carryOut(
  plans: readonly Plan[],
  states: ReadonlyMap<string, TableState>,
  tools: RunTools,
  options: RunOptions,
): Promise<RunSummary> {
  const { author, stop, enough } = options;
  const runId = author.runId;
  const periods: PeriodResult[] = [];
  const outcomes: Record<PeriodOutcome, number> = {
    loaded: 0,
    unchanged: 0,
    empty: 0,
    forgotten: 0,
    failed: 0,
    held: 0,
    skipped: 0,
  };
  const emit: Emit = (event) => {
    if (event.type === 'period.done') {
      outcomes[event.outcome] += 1;
      const { job, key, outcome, rows, was, error } = event;
      periods.push({ job, key, outcome, rows, was, error });
    }
    options.emit(event);
  };
  const tables = workOf(plans, states, tools.physical);
  const requests = tables.reduce((sum, table) => sum + table.works.length, 0);
  emit({ type: 'run.planned', runId, at: tools.clock(), plans, requests });
  for (const { job, refused } of plans) {
    if (refused !== undefined) emit({ type: 'job.refused', runId, at: tools.clock(), job: job.name, error: refused });
  }
  const sources = new Set(tables.flatMap((table) => table.works.map((work) => work.source.name)));
  for (const source of sources) tools.health(source).begin(options.wishedAt, tools.clock());
  await Promise.all(tables.map((table) => carryOutTable(table, tools, { ...options, emit })));
  const wasInterrupted = (stop.aborted || enough.aborted) && outcomes.skipped > 0;
  emit({ type: 'run.finished', runId, at: tools.clock(), outcomes, interrupted: wasInterrupted });
  return { runId, interrupted: wasInterrupted, outcomes, periods };
}

async function carryOutTable(table: TableWork, tools: RunTools, options: RunOptions): Promise<void> {
  if (table.works.length === 0) return;
  const destination = await tools.destination(table.destination);
  await using writer = new TableWriter(table, {
    destination,
    author: options.author,
    emit: options.emit,
    acceptHeld: options.acceptHeld,
    deadline: options.deadline,
    clock: tools.clock,
    staging: tools.staging,
    stagingTurn: tools.stagingTurn,
  });
  const inHand = new Set<Promise<void>>();
  for (const work of table.works) {
    while (isAhead(inHand.size, writer.bytesInHand)) await Promise.race(inHand);
    const start = () => {
      const done = carryOutPeriod(work, writer, tools, options).finally(() => inHand.delete(done));
      inHand.add(done);
      return done;
    };
    // A source that was stopped before gets one request before it gets many.
    const health = tools.health(work.source.name);
    if (health.doubtful) await health.probe(start);
    else void start();
  }
  await Promise.all(inHand);
  await writer.finish();
}

/** One period, from its request until the writer asks no more of it: a body that staging finds short is fetched again. */
async function carryOutPeriod(work: Work, writer: TableWriter, tools: RunTools, options: RunOptions): Promise<void> {
  const { stop, enough } = options;
  const { reports } = writer;
  const onRetry = (retried: Work, inMs: number, error: ExportdError) => {
    if (error.code === 'SPOOL_FULL') writer.makeRoom();
    reports.retrying(retried, inMs, error);
  };
  reports.started(work);
  for (;;) {
    let extract: Answer;
    try {
      const source = await tools.source(work.source.name);
      const health = tools.health(work.source.name);
      const { spool, clock } = tools;
      extract = await fetchPeriod(work, { source, health, table: writer.halt, enough, spool, clock, onRetry }, stop);
    } catch (cause) {
      return writer.missed(work, stop.aborted ? interrupted() : asExportdError(cause));
    }
    reports.extracted(work, extract.kind === 'body' ? extract.bytes : 0, extract.answeredAt - extract.requestedAt);
    const again = await writer.arrived(work, extract);
    if (again === undefined) return;
    try {
      await waitForRetry(work, again, { onRetry }, stop);
    } catch (cause) {
      return writer.missed(work, stop.aborted ? interrupted() : asExportdError(cause));
    }
  }
}
