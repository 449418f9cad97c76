import type { Config } from '../../src/config/load.ts';
import { ledgerEntry } from '../../src/core/entry.ts';
import { ExportdError } from '../../src/core/errors.ts';
import { planJob } from '../../src/core/plan.ts';
import type { Instant, Job, KeyState, Period, PeriodKey, TableState } from '../../src/core/words.ts';
import type { DaemonEvent, Tell } from '../../src/daemon/daemon-events.ts';
import { AROUND, load } from '../config/frame.ts';
import { someTable } from '../core/some-job.ts';
import { after } from '../core/world.ts';

/** What comes of a period: its rows, or why there are none. An error is `held` or `skipped` by its code, else `failed`. */
export type Answer = number | ExportdError;

export const unreachable = new ExportdError('SOURCE_UNREACHABLE', 'no answer from https://usage.invalid', {
  scope: 'period',
  retryable: true,
  hint: 'check that something listens there',
});
export const unauthorized = new ExportdError('UNAUTHORIZED', 'the source does not accept the API key', {
  scope: 'source',
});
export const notTried = new ExportdError('NOT_TRIED', 'not tried: the key was refused', { scope: 'source' });
export const shrunk = new ExportdError('SHRUNK', '1 row where 60 were', { scope: 'period', hint: '--accept-held' });
export const locked = new ExportdError('DUCKDB_LOCKED', 'another process holds the file', { scope: 'destination' });
export const full = new ExportdError('DESTINATION_FULL', 'the disk has no room', { scope: 'destination' });

const OUTCOMES: Readonly<Record<string, 'held' | 'skipped'>> = { SHRUNK: 'held', NOT_TRIED: 'skipped' };

export const BY_NINE = ', freshness: { expect_by: "09:00" }';

/** A config of these jobs, each by day, with more keys of each job and more sections where given. */
export function someConfig(names: readonly string[], job = '', sections = ''): Config {
  const jobs = names.map(
    (name) =>
      `  ${name}: { source: acme, data_type: users, destination: local, window: { grain: day, lookback: 3, begin: 2026-11-20 }, ` +
      `schedule: "0 6 * * *"${job} }\n`,
  );
  return load(`${AROUND}jobs:\n${jobs.join('')}${sections}`);
}

/** A daemon's life as its events tell it: real plans over tables in plain values, on a clock that a test sets. */
export class Life {
  now: Instant;
  config: Config;
  readonly #tell: Tell;
  readonly #states = new Map<string, Map<PeriodKey, KeyState>>();
  #runs = 0;

  constructor(tell: Tell, start: string, config: Config) {
    this.now = Date.parse(start);
    this.#tell = tell;
    this.config = config;
    this.load(config);
  }

  readonly clock = (): Instant => this.now;

  at(instant: string): this {
    this.now = Date.parse(instant);
    return this;
  }

  tell(event: Untimed): void {
    this.#tell({ at: this.now, ...event } as DaemonEvent);
  }

  load(config: Config, version = '0123456789ab'): void {
    const reloaded = config !== this.config;
    this.config = config;
    this.tell({ type: 'config.loaded', config, version, reloaded });
  }

  look(): this {
    this.tell({ type: 'look', dueJobs: [] });
    return this;
  }

  /** Looks every 15 s up to and with an instant. */
  looksUntil(instant: string): this {
    const end = Date.parse(instant);
    for (this.now += 15_000; this.now < end; this.now += 15_000) this.look();
    this.now = end;
    return this.look();
  }

  /** As a warehouse would read it. */
  table(name: string): TableState {
    const states = new Map(this.#states.get(name));
    return someTable({ exists: [...states.values()].some(({ outcome }) => outcome !== undefined), states });
  }

  /** One tick of a job, from its place in the queue to its end. */
  tick(name: string, answer: (period: Period) => Answer = () => 60): this {
    const job = this.#jobNamed(name);
    this.#begin(name);
    const state = this.table(name);
    const plans = job.sources.map((source) => planJob(job, source, this.now, state, { kind: 'tick' }));
    this.tell({ type: 'job.planned', job, plans, state });
    this.#runs += 1;
    const runId = `run-${this.#runs}`;
    const planned = plans.flatMap((plan) => plan.periods);
    this.tell({ type: 'run.planned', runId, plans, requests: planned.length });
    const counts = { loaded: 0, unchanged: 0, empty: 0, forgotten: 0, failed: 0, held: 0, skipped: 0 };
    for (const each of planned) {
      const { key } = each.period;
      const came = answer(each.period);
      const [error, rows] = typeof came === 'number' ? [undefined, came] : [came, 0];
      const outcome = error === undefined ? (rows > 0 ? 'loaded' : 'empty') : (OUTCOMES[error.code] ?? 'failed');
      this.tell({ type: 'period.started', runId, job: name, key });
      if (error === undefined || outcome === 'held') {
        this.tell({ type: 'period.extracted', runId, job: name, key, bytes: 1_000, ms: 500 });
      }
      const attempt = { loadId: `${runId}-${key}`, requestedAt: this.now, rows, errorCode: error?.code };
      const writer = { runId, instance: 'here/00000000', exportdVersion: '0' };
      const entry = outcome === 'skipped' ? undefined : ledgerEntry(outcome, each, job, attempt, writer);
      const states = this.#states.get(name) ?? new Map<PeriodKey, KeyState>();
      const was = states.get(key)?.rows;
      if (entry !== undefined) states.set(key, after(states.get(key), entry));
      this.#states.set(name, states);
      counts[outcome] += 1;
      this.tell({ type: 'period.done', runId, job: name, key, outcome, rows, was, error, entry });
    }
    const commits = counts.loaded + counts.empty;
    const batch = { table: job.table.name, keys: commits, rows: 60 * commits, ms: 20 };
    if (commits > 0) this.tell({ type: 'batch.committed', runId, ...batch });
    this.tell({ type: 'run.finished', runId, outcomes: counts, interrupted: false });
    this.tell({ type: 'job.ended', job: name, runId, error: undefined });
    return this;
  }

  /** A tick whose plan cannot be made. */
  unplanned(name: string, error: ExportdError): this {
    this.#begin(name);
    this.tell({ type: 'job.unplanned', job: name, error });
    this.tell({ type: 'job.ended', job: name, runId: undefined, error: undefined });
    return this;
  }

  #begin(job: string): void {
    this.tell({ type: 'job.queued', job, why: 'tick', tick: this.now });
    this.tell({ type: 'job.started', job, why: 'tick', tick: this.now });
  }

  #jobNamed(name: string): Job {
    const job = this.config.jobs.find((each) => each.name === name);
    if (job === undefined) throw new Error(`no job ${name}`);
    return job;
  }
}

type Untimed = DaemonEvent extends infer Event ? (Event extends DaemonEvent ? Omit<Event, 'at'> : never) : never;
