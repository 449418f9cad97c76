import type { App, Planning, RunSummary } from '../app.ts';
import type { Config } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problems.ts';
import { ExportdError } from '../core/errors.ts';
import type { Wish } from '../core/plan.ts';
import type { Instant } from '../core/words.ts';
import type { Emit } from '../run/events.ts';
import { asExportdError } from '../run/failure.ts';
import type { Cause, Tell } from './daemon-events.ts';
import { Schedules } from './look.ts';
import { Places, type Planned } from './places.ts';
import { Reign } from './reign.ts';
import { shareOf } from './share.ts';
import { type MayPlan, type Queued, WorkQueue } from './work-queue.ts';

export interface DaemonOptions {
  /** The config that is good now; the daemon starts with it. */
  readonly initial: Config;
  /** Reads the files again. undefined: nothing has changed. Throws ConfigError. `force`: also where nothing seems to have. */
  readonly reread: (force: boolean) => Config | undefined;
  /** Opens everything behind a config; closed when its last periods have ended and another config is in force. */
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
  /** The one in force. */
  readonly config: Config;
  /** What is due is put into the queue; the config is read again where it has changed. Waits for no plan and no run; never rejects. */
  look(): Promise<void>;
  /** Reads the config again, changed or not; the one in force stays where it is broken. Never rejects. */
  reload(): Promise<void>;
  /** Puts a job into the queue as a person wishes. Throws USAGE for a job that is not there. */
  requestRun(job: string, wish: Wish): 'queued' | 'running';
  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void>;
  /** Nothing new starts, what is extracted is committed. Resolves when everything has ended and is closed. */
  stop(): Promise<void>;
}

/** Everything but lookback and open: a crash loop, a ConfigMap, and what a plan left over cost nothing twice. */
const LEVEL: Wish = { kind: 'start' };
const TICK: Wish = { kind: 'tick' };

/** Jobs that one read plans; bounds what ten thousand due jobs hold in memory. */
const MOST_AT_ONCE = 200;
/** Planned tables that wait for a place, of each urgency: then nothing more is planned. */
const MOST_AHEAD = { awaited: 200, history: 50 } as const;

/** Opens the config and puts what is due at a start into the queue; nothing is asked for before the first `look`. */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const { clock, tell } = options;
  const queue = new WorkQueue();
  const stopping = new AbortController();
  const tasks = new Set<Promise<void>>();
  /** Destinations that are being read: one read at a time of each, and none waits for another. */
  const reading = new Set<string>();
  const places = new Places();
  let rereading = Promise.resolve();
  let reign = await crown(options.initial);
  let schedules = new Schedules(reign.config.jobs, clock());
  tell({ type: 'config.loaded', at: clock(), config: reign.config, version: reign.config.version, reloaded: false });
  enqueueAll('start');

  async function crown(config: Config): Promise<Reign> {
    return new Reign(config, await options.open(config, tell));
  }

  function enqueue(name: string, why: Cause, wish: Wish, tick: Instant | undefined, wishedAt: Instant): void {
    const job = reign.jobs.get(name);
    if (job === undefined || stopping.signal.aborted) return;
    const { destination, sources } = job;
    const source = sources[0]?.name ?? '';
    queue.add({ job: name, source, destination, table: reign.tableOf(job), why, wish, tick, wishedAt });
    tell({ type: 'job.queued', at: clock(), job: name, why, tick });
  }

  function enqueueAgain({ job, why, wish, tick, wishedAt }: Queued): void {
    enqueue(job, why, wish, tick, wishedAt);
  }

  function enqueueAll(why: 'start' | 'reload'): void {
    for (const { name, enabled, onStart, schedule } of reign.config.jobs) {
      if (enabled && schedule !== undefined && onStart === 'plan') enqueue(name, why, LEVEL, undefined, clock());
    }
  }

  /** Plans what waits, and starts what has a place. */
  function pump(): void {
    if (stopping.signal.aborted) return;
    makeWay();
    const mayPlan: MayPlan = (destination, why) => {
      const urgency = why === 'rest' ? 'history' : 'awaited';
      return !reading.has(destination) && places.waiting(urgency) < MOST_AHEAD[urgency];
    };
    for (;;) {
      const entries = queue.take(mayPlan, MOST_AT_ONCE);
      if (entries.length === 0) break;
      begin(plan(entries));
    }
    for (;;) {
      const next = places.give(reign.config.daemon.concurrency);
      if (next === undefined) break;
      begin(carryOut(next));
    }
  }

  function begin(task: Promise<void>): void {
    // A bug in one of them must not end all that come after it.
    const ended = task.catch(options.failed).then(() => {
      tasks.delete(ended);
      pump();
    });
    tasks.add(ended);
  }

  /** Plans jobs of one destination with one read; those that have nothing to do are done. */
  async function plan(taken: readonly Queued[]): Promise<void> {
    const [first] = taken;
    if (first === undefined) return;
    const { destination, wish } = first;
    const its = reign;
    reading.add(destination);
    const entries = taken.filter(({ job }) => mayBegin(job));
    const jobs = entries.flatMap(({ job }) => its.jobs.get(job) ?? []);
    let planning: Planning | undefined;
    let error: ExportdError | undefined;
    try {
      planning = await its.use((app) => app.plan(jobs, wish, clock(), stopping.signal));
    } catch (cause) {
      error = asExportdError(cause);
    }
    reading.delete(destination);
    if (stopping.signal.aborted || its.over.aborted) for (const entry of entries) putBack(entry);
    else if (planning !== undefined) planned(destination, entries, planning);
    else if (error !== undefined) for (const { job } of entries) unplanned(job, error);
  }

  /** A disabled job that a person asks for may lack what no enabled one needs. */
  function mayBegin(name: string): boolean {
    const job = reign.jobs.get(name);
    try {
      reign.config.need(job === undefined ? [] : [job]);
      return true;
    } catch (cause) {
      unplanned(name, asExportdError(cause));
      return false;
    }
  }

  function planned(destination: string, entries: readonly Queued[], planning: Planning): void {
    tell({ type: 'orphans', at: clock(), destination, orphans: planning.orphans });
    for (const { job, error } of planning.unplanned) unplanned(job.name, error);
    const read = entries.filter(({ job }) => planning.states.has(job));
    for (const { job: name } of read) {
      const plans = planning.plans.filter(({ job }) => job.name === name);
      const [job, state] = [plans[0]?.job, planning.states.get(name)];
      if (job !== undefined && state !== undefined) tell({ type: 'job.planned', at: clock(), job, plans, state });
    }
    for (const its of Map.groupBy(read, ({ table }) => table).values()) {
      const why = its[0]?.why ?? 'rest';
      const share = shareOf(onlyOf(planning, its), why);
      const isTooMuch = share?.urgency === 'history' && places.waiting('history') >= MOST_AHEAD.history;
      if (share !== undefined && (!isTooMuch || why === 'person')) places.add({ ...share, entries: its });
      else {
        for (const entry of its) {
          end(entry.job, undefined, undefined);
          if (share !== undefined) leftOver(entry);
        }
      }
    }
  }

  function unplanned(job: string, error: ExportdError): void {
    tell({ type: 'job.unplanned', at: clock(), job, error });
    end(job, undefined, error);
  }

  async function carryOut(its: Planned): Promise<void> {
    const { entries, planning, leavesHistory } = its;
    const { over } = reign;
    for (const { job, why, tick } of entries) tell({ type: 'job.started', at: clock(), job, why, tick });
    const options = {
      acceptHeld: entries.some(({ wish }) => wish.kind === 'run' && wish.acceptHeld),
      stop: stopping.signal,
      enough: over,
      wishedAt: Math.max(...entries.map(({ wishedAt }) => wishedAt)),
    };
    let run: RunSummary | undefined;
    let error: ExportdError | undefined;
    try {
      run = await reign.use((app) => app.carryOut(planning, options));
    } catch (cause) {
      error = asExportdError(cause);
    }
    places.leave(its);
    for (const entry of entries) {
      end(entry.job, run?.runId, error);
      const isPostponed = planning.plans.some(({ job, postponed }) => job.name === entry.job && postponed > 0);
      if (run?.interrupted) enqueueAgain(entry);
      else if (run !== undefined && (leavesHistory || isPostponed) && mayGoOn(run, leavesHistory)) leftOver(entry);
    }
  }

  function end(job: string, runId: string | undefined, error: ExportdError | undefined): void {
    queue.done(job);
    tell({ type: 'job.ended', at: clock(), job, runId, error });
  }

  /** What is planned and has not begun: a reload plans it under the new config, a stop lets it be. */
  function putBack(entry: Queued): void {
    end(entry.job, undefined, undefined);
    enqueueAgain(entry);
  }

  /** What was left over makes way, while it waits for a place, for what is due on its table, and comes after it. */
  function makeWay(): void {
    const due = queue.dueTables();
    const inTheWay = places.recall(({ entries }) =>
      entries.every(({ why, table }) => why === 'rest' && due.has(table)),
    );
    for (const entry of inTheWay.flatMap(({ entries }) => entries)) putBack(entry);
  }

  function putBackWaiting(): void {
    for (const entry of places.recall(() => true).flatMap(({ entries }) => entries)) putBack(entry);
  }

  /** History that goes after other jobs' due work. */
  function leftOver({ job, wishedAt }: Queued): void {
    enqueue(job, 'rest', LEVEL, undefined, wishedAt);
  }

  /** One after the other: what was read last is in force. */
  function reread(force: boolean): Promise<void> {
    rereading = rereading.then(() => rereadNow(force));
    return rereading;
  }

  async function rereadNow(force: boolean): Promise<void> {
    if (stopping.signal.aborted) return;
    let next: Reign;
    try {
      const loaded = options.reread(force);
      if (loaded === undefined) return;
      next = await crown(loaded);
    } catch (cause) {
      const problems =
        cause instanceof ConfigError ? cause.problems.map(formatProblem) : [asExportdError(cause).message];
      tell({ type: 'config.broken', at: clock(), problems });
      return;
    }
    if (stopping.signal.aborted) return next.end();
    const old = reign;
    reign = next;
    schedules = new Schedules(reign.config.jobs, clock(), schedules);
    const { config } = reign;
    tell({ type: 'config.loaded', at: clock(), config, version: config.version, reloaded: true });
    for (const entry of queue.clear()) enqueueAgain(entry);
    putBackWaiting();
    enqueueAll('reload');
    begin(old.end());
    pump();
  }

  return {
    get config() {
      return reign.config;
    },
    async look() {
      await reread(false);
      if (stopping.signal.aborted) return;
      const due = schedules.due(clock(), options.random);
      for (const { job, tick } of due) enqueue(job.name, 'tick', TICK, tick, clock());
      tell({ type: 'look', at: clock(), dueJobs: due.map(({ job }) => job.name) });
      pump();
    },
    reload: () => reread(true),
    requestRun(name, wish) {
      if (!reign.jobs.has(name)) {
        throw new ExportdError('USAGE', `there is no job ${JSON.stringify(name)}`, { scope: 'config' });
      }
      const isInHand = queue.isInHand(name);
      enqueue(name, 'person', wish, undefined, clock());
      pump();
      return isInHand ? 'running' : 'queued';
    },
    async idle() {
      pump();
      while (tasks.size > 0) await Promise.all(tasks);
    },
    async stop() {
      tell({ type: 'stopping', at: clock() });
      stopping.abort();
      queue.clear();
      putBackWaiting();
      await rereading;
      while (tasks.size > 0) await Promise.all(tasks);
      await reign.end();
    },
  };
}

/** Where nothing came of a run, the next tick tries again, and no loop does. */
function mayGoOn({ outcomes, periods }: RunSummary, leavesHistory: boolean): boolean {
  if (outcomes.loaded + outcomes.unchanged + outcomes.empty > 0) return true;
  return leavesHistory && periods.every(({ error }) => error === undefined || error.scope === 'period');
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
