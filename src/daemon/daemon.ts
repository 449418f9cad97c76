import type { App, Planning } from '../app.ts';
import type { Config } from '../config/load.ts';
import { physicalOf } from '../config/physical-destination.ts';
import { ConfigError, formatProblem } from '../config/problems.ts';
import { ExportdError } from '../core/errors.ts';
import type { Wish } from '../core/plan.ts';
import type { Instant, Job } from '../core/words.ts';
import type { Emit } from '../run/events.ts';
import { asExportdError } from '../run/failure.ts';
import type { Cause, Tell } from './daemon-events.ts';
import { Schedules } from './look.ts';
import { type Queued, WorkQueue } from './work-queue.ts';

export interface DaemonOptions {
  /** The config that is good now; the daemon starts with it. */
  readonly initial: Config;
  /** Reads the files again. undefined: nothing has changed. Throws ConfigError. `force`: also where nothing seems to have. */
  readonly reread: (force: boolean) => Config | undefined;
  /** Opens everything behind a config; closed when its last run has ended and another config is in force. */
  readonly open: (config: Config, emit: Emit) => Promise<App>;
  readonly clock: () => Instant;
  readonly tell: Tell;
  /** Told of what should not have happened, and is survived. */
  readonly failed: (cause: unknown) => void;
  /** 0 to 1; for jitter. */
  readonly random: () => number;
}

/** Decides when: looks, plans, runs, reloads, drains. Knows no timer, file or signal: whoever holds it calls. */
export interface Daemon {
  /** What is due starts; the config is read again where it has changed. Resolves once everything due is on its way. */
  look(): Promise<void>;
  /** Reads the config again, changed or not. */
  reload(): Promise<void>;
  /** Puts a job into the queue as a person wishes. Throws USAGE for a job that is not there. */
  requestRun(job: string, wish: Wish): 'queued' | 'running';
  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void>;
  /** Nothing new starts, what is extracted is committed. Resolves when the last run has ended. */
  stop(): Promise<void>;
}

/** A config in force, or one whose runs are ending. */
interface Reign {
  readonly config: Config;
  readonly app: App;
  readonly jobs: ReadonlyMap<string, Job>;
  runs: number;
  over: boolean;
}

/** Jobs of one table that are planned and wait for a place. */
interface Planned {
  readonly entries: readonly Queued[];
  readonly planning: Planning;
}

/** Everything but lookback and open: a crash loop, a ConfigMap, and the rest of a bounded plan cost nothing twice. */
const LEVEL: Wish = { kind: 'start' };

/** Opens the config and puts what is due at a start into the queue; nothing is asked for before the first `look`. */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const { clock, tell } = options;
  const queue = new WorkQueue();
  const stopping = new AbortController();
  const runs = new Set<Promise<void>>();
  let ready: Planned[] = [];
  let pumping = Promise.resolve();
  let reign = await crown(options.initial);
  let schedules = new Schedules(reign.config.jobs, clock());
  tell({ type: 'config.loaded', at: clock(), config: reign.config, version: reign.config.version, reloaded: false });
  enqueueAll('start');

  async function crown(config: Config): Promise<Reign> {
    const app = await options.open(config, tell);
    return { config, app, jobs: new Map(config.jobs.map((job) => [job.name, job])), runs: 0, over: false };
  }

  async function abdicate(old: Reign): Promise<void> {
    old.over = true;
    if (old.runs === 0) await close(old);
  }

  async function close({ app }: Reign): Promise<void> {
    try {
      await app[Symbol.asyncDispose]();
    } catch (cause) {
      // What it could not clear away the next start does.
      options.failed(cause);
    }
  }

  function enqueue(name: string, why: Cause, wish: Wish, tick?: Instant): void {
    const job = reign.jobs.get(name);
    if (job === undefined || stopping.signal.aborted) return;
    const destination = reign.config.destinations.get(job.destination);
    const place = destination === undefined ? job.destination : physicalOf(destination);
    queue.add({ job: name, table: `${place}\n${job.table.name}`, why, wish, tick });
    tell({ type: 'job.queued', at: clock(), job: name, why, tick });
  }

  function enqueueAll(why: 'start' | 'reload'): void {
    for (const { name, enabled, onStart, schedule } of reign.config.jobs) {
      if (enabled && schedule !== undefined && onStart === 'plan') enqueue(name, why, LEVEL);
    }
  }

  /** Plans what waits and starts what has a place; one call after the other. */
  function pump(): Promise<void> {
    // A bug in one round must not end all that come after it.
    pumping = pumping.then(planAndStart).catch((cause: unknown) => options.failed(cause));
    return pumping;
  }

  async function planAndStart(): Promise<void> {
    while (!stopping.signal.aborted) {
      const taken = queue.take();
      if (taken.length === 0) break;
      await plan(taken);
    }
    while (!stopping.signal.aborted && runs.size < reign.config.daemon.concurrency) {
      // What people wait for goes before history.
      const next = ready.find(({ planning }) => hasAwaited(planning)) ?? ready[0];
      if (next === undefined) return;
      ready = ready.filter((planned) => planned !== next);
      const run = carryOut(next, reign);
      runs.add(run);
      void run.finally(() => {
        runs.delete(run);
        void pump();
      });
    }
  }

  /** Plans the jobs with one read of each destination; those that have nothing to do are done. Never throws. */
  async function plan(taken: readonly Queued[]): Promise<void> {
    const [first] = taken;
    if (first === undefined) return;
    const jobs: Job[] = [];
    for (const { job: name, why, tick } of taken) {
      tell({ type: 'job.started', at: clock(), job: name, why, tick });
      const job = reign.jobs.get(name);
      try {
        if (job === undefined) throw new Error(`job ${name} waited though it is gone`);
        reign.config.need([job]);
        jobs.push(job);
      } catch (cause) {
        unplanned(name, asExportdError(cause));
      }
    }
    let planning: Planning;
    try {
      planning = await reign.app.plan(jobs, first.wish, clock(), stopping.signal);
    } catch (cause) {
      for (const { name } of jobs) {
        if (stopping.signal.aborted) end(name, undefined, undefined);
        else unplanned(name, asExportdError(cause));
      }
      return;
    }
    for (const destination of new Set(jobs.map((job) => job.destination))) {
      const orphans = planning.orphans.filter((orphan) => orphan.destination === destination);
      tell({ type: 'orphans', at: clock(), destination, orphans });
    }
    for (const { job, error } of planning.unplanned) unplanned(job.name, error);
    const due: Queued[] = [];
    for (const entry of taken.filter(({ job }) => jobs.some(({ name }) => name === job))) {
      const plans = planning.plans.filter(({ job }) => job.name === entry.job);
      const state = planning.states.get(entry.job);
      const [plan] = plans;
      if (plan === undefined || state === undefined) continue;
      tell({ type: 'job.planned', at: clock(), job: plan.job, plans, state });
      // A run tells of a plan that was refused, though it has nothing to do.
      if (plans.some(({ periods, refused }) => periods.length > 0 || refused !== undefined)) due.push(entry);
      else end(entry.job, undefined, undefined);
    }
    for (const entries of Map.groupBy(due, ({ table }) => table).values()) {
      ready.push({ entries, planning: onlyOf(planning, entries) });
    }
  }

  function unplanned(job: string, error: ExportdError): void {
    tell({ type: 'job.unplanned', at: clock(), job, error });
    end(job, undefined, error);
  }

  /** Never throws. */
  async function carryOut({ entries, planning }: Planned, its: Reign): Promise<void> {
    its.runs += 1;
    let runId: string | undefined;
    let error: ExportdError | undefined;
    let progress = 0;
    try {
      const acceptHeld = entries.some(({ wish }) => wish.kind === 'run' && wish.acceptHeld);
      const run = await its.app.carryOut(planning, { acceptHeld, stop: stopping.signal });
      runId = run.runId;
      progress = run.outcomes.loaded + run.outcomes.unchanged + run.outcomes.empty;
    } catch (cause) {
      error = asExportdError(cause);
    }
    for (const { job } of entries) {
      end(job, runId, error);
      const hasRest = planning.plans.some((plan) => plan.job.name === job && plan.postponed > 0);
      // Where nothing came, the next tick tries again, and no loop does.
      if (hasRest && progress > 0) enqueue(job, 'rest', LEVEL);
    }
    its.runs -= 1;
    if (its.over && its.runs === 0) await close(its);
  }

  function end(job: string, runId: string | undefined, error: ExportdError | undefined): void {
    queue.done(job);
    tell({ type: 'job.ended', at: clock(), job, runId, error });
  }

  /** What is planned and has not begun is put back: a reload plans it under the new config, a stop lets it be. */
  function putBack(): void {
    for (const { job, why, wish, tick } of ready.flatMap(({ entries }) => entries)) {
      end(job, undefined, undefined);
      enqueue(job, why, wish, tick);
    }
    ready = [];
  }

  async function reread(force: boolean): Promise<void> {
    let loaded: Config | undefined;
    try {
      loaded = options.reread(force);
      loaded?.need(
        loaded.jobs.filter((job) => job.enabled),
        'notifications',
      );
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      tell({ type: 'config.broken', at: clock(), problems: error.problems.map(formatProblem) });
      return;
    }
    if (loaded === undefined) return;
    const next = await crown(loaded);
    // Nothing is being planned: that goes on under the config it began with.
    await pumping;
    const old = reign;
    reign = next;
    schedules = new Schedules(reign.config.jobs, clock(), schedules);
    for (const { job, why, wish, tick } of queue.clear()) enqueue(job, why, wish, tick);
    putBack();
    tell({ type: 'config.loaded', at: clock(), config: loaded, version: loaded.version, reloaded: true });
    enqueueAll('reload');
    await abdicate(old);
  }

  async function look(): Promise<void> {
    if (stopping.signal.aborted) return;
    await reread(false);
    const due = schedules.due(clock(), options.random);
    for (const { job, tick } of due) enqueue(job.name, 'tick', { kind: 'tick' }, tick);
    tell({ type: 'look', at: clock(), dueJobs: due.map(({ job }) => job.name) });
    await pump();
  }

  return {
    look,
    async reload() {
      if (stopping.signal.aborted) return;
      await reread(true);
      await pump();
    },
    requestRun(name, wish) {
      if (!reign.jobs.has(name)) {
        throw new ExportdError('USAGE', `there is no job ${JSON.stringify(name)}`, { scope: 'config' });
      }
      const isInHand = queue.isInHand(name);
      enqueue(name, 'person', wish);
      void pump();
      return isInHand ? 'running' : 'queued';
    },
    async idle() {
      await pump();
      while (!queue.isIdle) {
        await Promise.all([...runs]);
        await pump();
      }
    },
    async stop() {
      tell({ type: 'stopping', at: clock() });
      stopping.abort();
      queue.clear();
      putBack();
      await pumping;
      await Promise.all(runs);
      await abdicate(reign);
    },
  };
}

function hasAwaited({ plans }: Planning): boolean {
  return plans.some(({ periods }) => periods.some(({ urgency }) => urgency === 'awaited'));
}

function onlyOf(planning: Planning, entries: readonly Queued[]): Planning {
  const names = new Set(entries.map(({ job }) => job));
  return {
    ...planning,
    plans: planning.plans.filter(({ job }) => names.has(job.name)),
    states: new Map([...planning.states].filter(([job]) => names.has(job))),
    unplanned: [],
  };
}
