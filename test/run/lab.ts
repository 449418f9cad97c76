/** A run with everything real: the Usage Export API on loopback, spool, staging and a DuckDB file. No config, no terminal. */
import { randomUUIDv7 } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planJob, type Wish } from '../../src/core/plan.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Instant, Job, JobSource, LedgerEntry, LocalDate } from '../../src/core/words.ts';
import type { Batch, Destination } from '../../src/destinations/destination.ts';
import { openDuckDb } from '../../src/destinations/duckdb/index.ts';
import { openEngine, quoteText } from '../../src/duckdb/engine.ts';
import type { RunEvent } from '../../src/run/events.ts';
import { carryOut, type RunSummary, type RunTools } from '../../src/run/run.ts';
import { SourceHealth } from '../../src/run/source-health.ts';
import { openExportApi } from '../../src/sources/export-api/index.ts';
import { createPace } from '../../src/sources/pace.ts';
import { openSpool } from '../../src/staging/spool.ts';
import type { Staging } from '../../src/staging/staged.ts';
import { openStaging } from '../../src/staging/staging.ts';
import { someJob, someSource } from '../core/some-job.ts';
import { startUsageApi, type UsageApi, type UsageApiOptions } from '../engines/usage-api.ts';

export interface LabOptions extends UsageApiOptions {
  /** The names, and keys, of sources; all of them are this one API. */
  readonly sources?: readonly string[];
  readonly concurrency?: number;
  /** Requests that leave in a minute. */
  readonly perMinute?: number;
  readonly spoolLimit?: number;
  /** Stands between the run and the warehouse. */
  readonly wrap?: (destination: Destination) => Destination;
  /** Stands between the run and staging. */
  readonly wrapStaging?: (staging: Staging) => Staging;
  /** What a run's events are told to as they happen. */
  readonly onEvent?: (event: RunEvent) => void;
}

export interface RunChanges {
  readonly wish?: Wish;
  readonly acceptHeld?: boolean;
  readonly stop?: AbortSignal;
  readonly deadline?: AbortSignal;
  readonly enough?: AbortSignal;
  readonly wishedAt?: Instant;
}

export interface Ended extends RunSummary {
  readonly events: readonly RunEvent[];
}

export interface Lab extends AsyncDisposable {
  readonly api: UsageApi;
  /** What a run reads as the time; at first noon of 1 March 2026, UTC. */
  now: Instant;
  /** Plans the jobs as `exportd run` does, and carries the plans out. */
  run(jobs: readonly Job[], changes?: RunChanges): Promise<Ended>;
  /** Values of the first column, as text. */
  query(sql: string): Promise<string[]>;
}

const HERE = 'here/00000001';
const NEVER = new AbortController().signal;
const DUE: Wish = { kind: 'run', from: undefined, to: undefined, acceptHeld: false };

/** A job of the lab's, into `local`, which is also called `the same`: users by day in UTC, retries without waiting. The newest `days` of them are
 * awaited, up to 28 February; from `begin` on others are history. */
export function labJob(days: number, changes: Partial<Omit<Job, 'window'>> & { readonly begin?: LocalDate } = {}): Job {
  const { begin, ...rest } = changes;
  return someJob({
    name: 'j',
    retries: { maxAttempts: 3, minDelay: 1, maxDelay: 2 },
    ...rest,
    window: { grain: 'day', lookback: days, begin },
  });
}

export function labSource(name: string, changes: Partial<JobSource> = {}): JobSource {
  return someSource({ name, key: name, rate: undefined, ...changes });
}

export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const {
    sources: names = ['acme'],
    concurrency = 4,
    spoolLimit = 1e9,
    wrap = (inner) => inner,
    wrapStaging = (inner) => inner,
  } = options;
  await using opening = new AsyncDisposableStack();
  const api = opening.use(await startUsageApi({ rateLimit: null, historyMonths: null, ...options }));
  const folder = await mkdtemp(join(tmpdir(), 'exportd-run-'));
  opening.defer(() => rm(folder, { recursive: true }));
  const spool = opening.use(await openSpool({ directory: join(folder, 'spool'), limit: spoolLimit, instance: HERE }));
  const engine = opening.use(
    await openEngine({ memoryLimit: 512_000_000, temporaryDirectory: spool.temporaryDirectory, threads: 1 }),
  );
  const lab = { now: Date.parse('2026-03-01T12:00:00Z') };
  const clock = () => lab.now;
  const destination = wrap(
    openDuckDb({
      name: 'local',
      path: join(folder, 'out.duckdb'),
      schema: 'main',
      lockTimeout: 1_000,
      engine: async () => engine,
      instance: HERE,
      clock,
    }),
  );
  const pace = createPace({
    rate: options.perMinute === undefined ? undefined : { requests: options.perMinute, window: 60_000 },
    concurrency,
  });
  const sources = new Map(
    names.map((name) => {
      const source = openExportApi({
        name,
        baseUrl: api.url,
        apiKey: new Secret('k'),
        format: 'json',
        timeout: 300_000,
        history: undefined,
        strict: true,
        pace,
        clock,
        onSlowed: () => undefined,
      });
      return [name, { source: opening.use(source), health: new SourceHealth() }] as const;
    }),
  );
  const existing = (name: string) => {
    const source = sources.get(name);
    if (source === undefined) throw new Error(`the lab has no source ${name}`);
    return source;
  };
  let turn: Promise<unknown> = Promise.resolve();
  const tools: RunTools = {
    source: async (name) => existing(name).source,
    destination: async () => destination,
    physical: (name) => (name === 'the same' ? 'local' : name),
    health: (name) => existing(name).health,
    staging: wrapStaging(openStaging({ engine: async () => engine, spool })),
    stagingTurn: (task) => {
      const next = turn.then(task, task);
      turn = next;
      return next;
    },
    spool,
    clock,
  };
  const closing = opening.move();

  return Object.assign(lab, {
    api,
    async run(jobs: readonly Job[], changes: RunChanges = {}): Promise<Ended> {
      const { wish = DUE, acceptHeld = false, stop = NEVER, deadline = NEVER, enough = NEVER } = changes;
      const { wishedAt = lab.now } = changes;
      const tables = [...new Set(jobs.map((job) => job.table.name))];
      const reading = await destination.read(
        tables.map((name) => ({ name, detailFrom: '1970-01-01' })),
        NEVER,
      );
      const states = new Map(jobs.map((job) => [job.name, stateOf(reading.tables, job)]));
      const plans = jobs.flatMap((job) =>
        job.sources.map((source) => planJob(job, source, lab.now, stateOf(reading.tables, job), wish)),
      );
      const events: RunEvent[] = [];
      const emit = (event: RunEvent) => {
        events.push(event);
        options.onEvent?.(event);
      };
      const author = { runId: randomUUIDv7(), instance: HERE, exportdVersion: '0.0.0' };
      const signals = { stop, enough, deadline };
      const summary = await carryOut(plans, states, tools, { author, emit, acceptHeld, wishedAt, ...signals });
      return { ...summary, events };
    },
    async query(sql: string): Promise<string[]> {
      await using connection = await engine.connect();
      await connection.run(`ATTACH ${quoteText(join(folder, 'out.duckdb'))} AS looked (READ_ONLY)`);
      await connection.run('USE looked');
      const rows = await connection.rows<Record<string, unknown>>(sql);
      await connection.run('USE memory.main');
      await connection.run('DETACH looked');
      return rows.map((row) => String(Object.values(row)[0]));
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  });
}

function stateOf<T>(tables: ReadonlyMap<string, T>, job: Job): T {
  const state = tables.get(job.table.name);
  if (state === undefined) throw new Error(`nothing was read of table ${job.table.name}`);
  return state;
}

/** The events of one type, in their order. */
export function eventsOf<Type extends RunEvent['type']>(
  { events }: Ended,
  type: Type,
): Extract<RunEvent, { type: Type }>[] {
  return events.filter((event): event is Extract<RunEvent, { type: Type }> => event.type === type);
}

/** A real warehouse with a test between it and the run. */
export interface Between {
  /** Called before each `replace`, with how many there were before; throws in its place where it throws. */
  readonly beforeReplace?: (batch: Batch, calls: number) => void | Promise<void>;
  /** Called after each `replace` that went well; throws where its answer is lost. */
  readonly afterReplace?: (batch: Batch, calls: number) => void | Promise<void>;
  readonly beforePrepare?: (calls: number) => void;
  readonly onNote?: (entries: readonly LedgerEntry[]) => void;
}

/** Every batch that came is kept, in order. */
export function between(hooks: Between): { batches: Batch[]; wrap: (inner: Destination) => Destination } {
  const batches: Batch[] = [];
  let prepared = 0;
  return {
    batches,
    wrap: (inner) => ({
      read: (...given) => inner.read(...given),
      note(...given) {
        hooks.onNote?.(given[0]);
        return inner.note(...given);
      },
      history: (...given) => inner.history(...given),
      check: (...given) => inner.check(...given),
      async prepare(...given) {
        hooks.beforePrepare?.(prepared++);
        return await inner.prepare(...given);
      },
      async replace(batch, signal) {
        const calls = batches.push(batch) - 1;
        await hooks.beforeReplace?.(batch, calls);
        const appended = await inner.replace(batch, signal);
        await hooks.afterReplace?.(batch, calls);
        return appended;
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    }),
  };
}
