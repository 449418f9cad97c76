import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from './config/load.ts';
import { physicalOf } from './config/physical-destination.ts';
import { ExportdError } from './core/errors.ts';
import { newestEndedBy, periodsBetween } from './core/grid.ts';
import { detailFrom, planJob, type Wish } from './core/plan.ts';
import { seriesOf } from './core/wanted.ts';
import type { Instant, Job, JobSource, LocalDate, Period, Plan, TableState } from './core/words.ts';
import type { Destination, Orphan, TableQuery } from './destinations/destination.ts';
import { type Examined, examine } from './doctor.ts';
import type { Engine } from './duckdb/engine.ts';
import { openDestinations } from './open-destinations.ts';
import { openSources, type Paces } from './open-sources.ts';
import type { Emit } from './run/events.ts';
import { asExportdError } from './run/failure.ts';
import { carryOut, type RunSummary as Run, type RunTools } from './run/run.ts';
import { SourceHealth } from './run/source-health.ts';
import type { Source } from './sources/source.ts';
import { openSpool, type Spool } from './staging/spool.ts';
import type { Preview, Staging } from './staging/staged.ts';
import type { Initialised } from './usage-store/migrations.ts';
import { VERSION } from './version.ts';

export interface AppOptions {
  readonly config: Config;
  readonly clock: () => Instant;
  readonly emit: Emit;
  /** Lowers the concurrency of every source; never raises it. */
  readonly concurrency?: number | undefined;
  /** Of the process, where it opens more than one app; filled in here. */
  readonly paces?: Paces | undefined;
}

/** Plans, and what they were made of. */
export interface Planning {
  readonly now: Instant;
  /** One for each job and source. */
  readonly plans: readonly Plan[];
  /** Jobs whose ledger could not be read. */
  readonly unplanned: readonly { readonly job: Job; readonly error: ExportdError }[];
  readonly orphans: readonly (Orphan & { readonly destination: string })[];
  /** By job name. */
  readonly states: ReadonlyMap<string, TableState>;
}

export interface RunSummary extends Run {
  readonly unplanned: Planning['unplanned'];
}

export interface CarryOutOptions {
  readonly acceptHeld: boolean;
  readonly stop: AbortSignal;
  /** No new request; those under way are answered, and what they bring is committed. Default: never. */
  readonly enough?: AbortSignal | undefined;
  /** A source that was stopped since then is not tried again. Default: when the plans were made. */
  readonly wishedAt?: Instant | undefined;
}

/** The composition root: everything with a lifetime is opened here, when first used, and closed with it. */
export interface App extends AsyncDisposable {
  /**
   * Reads each destination once and plans every job. A destination out of reach leaves its jobs unplanned.
   * `toShow`: the plan is not carried out. What only a judge needs is not read then: of tables their totals alone.
   */
  plan(
    jobs: readonly Job[],
    wish: Wish,
    now: Instant,
    signal: AbortSignal,
    options?: { readonly toShow: boolean },
  ): Promise<Planning>;
  /** Carries the plans out. After `stop`, what is extracted is committed for at most `shutdown_grace`. */
  carryOut(planning: Planning, options: CarryOutOptions): Promise<RunSummary>;
  /** Makes the tables of the usage store behind a `clickhouse` source, or upgrades them. */
  initStore(source: string): Promise<Initialised>;
  /** Reaches every source and destination of the config; for `doctor`. */
  examine(signal: AbortSignal): AsyncIterable<Examined>;
  /** Exports one period (the newest closed, or that of `date`) and shows its rows as they would land. Loads nothing. */
  preview(job: Job, date: LocalDate | undefined, limit: number, signal: AbortSignal): Promise<Preview>;
}

const NEVER = new AbortController().signal;

/** Milliseconds in which a first request has surely left: importing DuckDB keeps the process busy for longer. */
const REQUEST_LEAVES = 20;

export async function openApp(options: AppOptions): Promise<App> {
  const { config, clock, emit } = options;
  const instance = `${hostname()}/${randomBytes(4).toString('hex')}`;
  const { daemon } = config;
  const closing = new AsyncDisposableStack();
  const once = <T extends AsyncDisposable>(open: () => Promise<T>) => {
    let opened: Promise<T> | undefined;
    return () => {
      // What could not be opened is tried again by whoever asks next.
      opened ??= open().then(
        (resource) => closing.use(resource),
        (error) => {
          opened = undefined;
          throw error;
        },
      );
      return opened;
    };
  };
  const openOnce = <T extends AsyncDisposable>(open: (name: string) => Promise<T>) => {
    const opener = byName((name) => once(() => open(name)));
    return (name: string) => opener(name)();
  };

  const spool = once<Spool>(() => openSpool({ directory: daemon.spoolDir, limit: daemon.spoolLimit, instance }));
  // DuckDB takes a moment to import: only what uses it waits for it.
  const engine = once<Engine>(async () => {
    const { temporaryDirectory } = await spool();
    const { openEngine } = await import('./duckdb/engine.ts');
    return openEngine({ memoryLimit: daemon.memoryLimit, temporaryDirectory });
  });
  const staging = once<Staging>(async () => {
    const [{ openStaging }, files] = await Promise.all([import('./staging/staging.ts'), spool()]);
    return openStaging({ engine, spool: files });
  });
  /** Told when a source is braked: the run that is under way. */
  const brakes = new Set<(source: string, until: Instant) => void>();
  const source = openOnce<Source>(
    openSources(config, {
      clock,
      concurrency: options.concurrency,
      paces: options.paces ?? new Map(),
      onSlowed: (name) => (until) => {
        for (const brake of brakes) brake(name, until);
      },
    }),
  );
  const destination = openOnce<Destination>(openDestinations(config, { engine, instance, clock }));
  const physical = byName((name) => physicalOf(existing(config.destinations, name)));
  const health = byName(() => new SourceHealth());
  const stagingTurn = oneAtATime();

  return {
    async plan(jobs, wish, now, signal, { toShow } = { toShow: false }) {
      const planning = { now, plans: [] as Plan[], unplanned: [] as Planning['unplanned'][number][] };
      const states = new Map<string, TableState>();
      const orphans: Planning['orphans'][number][] = [];
      for (const its of Map.groupBy(jobs, (job) => physical(job.destination)).values()) {
        const name = its[0]?.destination ?? '';
        try {
          const reading = await (await destination(name)).read(
            tableQueries(its, toShow ? () => undefined : (job) => detailFrom(job, now, wish)),
            signal,
          );
          orphans.push(...reading.others.map((orphan) => ({ ...orphan, destination: name })));
          for (const job of its) {
            const state = await livingOnly(existing(reading.tables, job.table.name), spool);
            states.set(job.name, state);
            planning.plans.push(...job.sources.map((its) => planJob(job, its, now, state, wish)));
          }
        } catch (cause) {
          signal.throwIfAborted();
          const error = asExportdError(cause);
          planning.unplanned.push(...its.map((job) => ({ job, error })));
        }
      }
      const ours = new Set(config.jobs.map((job) => `${physical(job.destination)}\n${job.table.name}`));
      return {
        ...planning,
        states,
        orphans: orphans.filter((o) => !ours.has(`${physical(o.destination)}\n${o.table}`)),
      };
    },

    async carryOut(planning, { acceptHeld, stop, enough = NEVER, wishedAt = planning.now }) {
      const runId = randomUUIDv7();
      const author = { runId, instance, exportdVersion: VERSION };
      const patience = new AbortController();
      let timer: NodeJS.Timeout | undefined;
      const graceBegins = () => {
        timer = setTimeout(() => patience.abort(), daemon.shutdownGrace);
      };
      if (stop.aborted) graceBegins();
      else stop.addEventListener('abort', graceBegins, { once: true });
      const brake = (slowed: string, until: Instant) =>
        emit({ type: 'source.slowed', runId, at: clock(), source: slowed, until });
      brakes.add(brake);
      // The first request is under way: DuckDB is made ready meanwhile. Where that fails, whoever needs it is told.
      let warming: Promise<unknown> | undefined;
      const emitAndWarm: Emit = (event) => {
        emit(event);
        if (event.type === 'period.started')
          warming ??= pause(REQUEST_LEAVES)
            .then(engine)
            .catch(() => undefined);
      };
      try {
        const tools: RunTools = {
          source,
          destination,
          physical,
          health,
          staging: await staging(),
          stagingTurn,
          spool: await spool(),
          clock,
        };
        const deadline = patience.signal;
        const run = await carryOut(planning.plans, planning.states, tools, {
          author,
          emit: emitAndWarm,
          acceptHeld,
          stop,
          enough,
          wishedAt,
          deadline,
        });
        return { ...run, unplanned: planning.unplanned };
      } finally {
        await Promise.allSettled([warming]);
        brakes.delete(brake);
        stop.removeEventListener('abort', graceBegins);
        clearTimeout(timer);
      }
    },

    async initStore(name) {
      const configured = existing(config.sources, name);
      if (configured.type !== 'clickhouse') throw new TypeError(`${name} is no usage store: the command checks that`);
      const [{ openClickHouse }, { initStore }] = await Promise.all([
        import('./clickhouse/connect.ts'),
        import('./usage-store/migrations.ts'),
      ]);
      await using server = openClickHouse(configured);
      return await initStore(server);
    },

    examine: (signal) => examine({ config, clock, source, destination, spool }, signal),

    async preview(job, date, limit, signal) {
      const [from] = job.sources;
      if (from === undefined) throw new TypeError(`job ${job.name} has no source`);
      const period = previewPeriod(job, from, date, clock());
      const files = await spool();
      await using file = files.file('.body');
      const ask = { report: job.report, period, urgency: 'awaited' } as const;
      const extract = await (await source(from.name)).extract(ask, file, signal);
      if (extract.kind === 'nothing') {
        throw new ExportdError('NOT_POSSIBLE', `the source has no usage for ${period.key}`, {
          scope: 'period',
          hint: 'Choose another day with --date.',
        });
      }
      return await (await staging()).preview(job.table, extract, limit, signal);
    },

    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** A command that ended a minute ago is no other exportd to tell of. */
async function livingOnly(state: TableState, spool: () => Promise<Spool>): Promise<TableState> {
  if (state.instances.length === 0) return state;
  const { mayRun } = await spool();
  return { ...state, instances: state.instances.filter(mayRun) };
}

/** Of several jobs on one table, everything from the oldest date that one of them needs. */
function tableQueries(jobs: readonly Job[], needs: (job: Job) => LocalDate | undefined): TableQuery[] {
  return [...Map.groupBy(jobs, (job) => job.table.name)].map(([name, its]) => {
    const dates = its.map(needs).filter((date) => date !== undefined);
    return { name, detailFrom: dates.sort()[0] };
  });
}

function previewPeriod(job: Job, from: JobSource, date: LocalDate | undefined, now: Instant): Period {
  const series = seriesOf(job, from);
  if (date === undefined) return newestEndedBy(series, now - job.window.delay);
  for (const period of periodsBetween(series, date, date)) return period;
  throw new ExportdError('USAGE', `no ${job.window.grain} of job ${job.name} has the date ${date}`, {
    scope: 'config',
  });
}

/** Makes a thing once per name. */
function byName<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    const there = made.get(name) ?? make(name);
    made.set(name, there);
    return there;
  };
}

function existing<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new TypeError(`${name} is missing: the config was checked for it`);
  return value;
}

/** Runs tasks one after the other, in the order in which they were given. */
function oneAtATime(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const turn = last.then(task, task);
    last = turn;
    return turn;
  };
}
