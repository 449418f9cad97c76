import type { Config } from '../config/load.ts';
import type { ExportdError } from '../core/errors.ts';
import { type JobStatus, jobStatus, statusUntil } from '../core/job-status.ts';
import type { Instant, Job, KeyState, PeriodKey, PlanWarning } from '../core/words.ts';
import type { DaemonEvent, OrphanedTable } from './daemon-events.ts';
import { Reach, type ReachView } from './reach.ts';
import { notReady, type Reason } from './readiness.ts';
import { RunList, type RunView } from './run-list.ts';
import { oneOfEach, TablePicture } from './table-picture.ts';

/** A job as it was last seen. */
export interface JobView {
  readonly job: Job;
  /** By its ledger as it was last read, and what ended since; undefined until it has been read. */
  readonly status: JobStatus | undefined;
  readonly activity: 'idle' | 'queued' | 'running';
  /** When it was queued or started; undefined where it is idle. */
  readonly since: Instant | undefined;
  readonly plannedAt: Instant | undefined;
  /** Its table was read once since the daemon knows it. */
  readonly isFirstPlan: boolean;
  /** What its newest plan warned of. */
  readonly warnings: readonly PlanWarning[];
  /** History that its newest plan left for the next. */
  readonly postponed: number;
  /** Why its newest plan could not be made or carried out as a whole; undefined once one could. */
  readonly error: ExportdError | undefined;
  /** Its newest run that had anything to do. */
  readonly lastRun: RunView | undefined;
  /** Other exportd processes that wrote to its table shortly before it was read. */
  readonly instances: readonly string[];
}

/** A period as it was last seen: its newest state row, and newer notes. */
export interface PeriodView extends Omit<KeyState, 'detail' | 'orgId' | 'rowsLoadId' | 'policy'> {
  readonly key: PeriodKey;
}

export interface ConfigView {
  /** The one in force; undefined before the first was loaded. */
  readonly config: Config | undefined;
  readonly version: string | undefined;
  readonly loadedAt: Instant | undefined;
  /** A newer one that could not be used. */
  readonly broken: { readonly at: Instant; readonly problems: readonly string[] } | undefined;
}

/** What is known of a job between its events. */
interface Known {
  job: Job;
  picture: TablePicture | undefined;
  /** The same from `from` on, before `until`. */
  judged: { readonly status: JobStatus; readonly from: Instant; readonly until: Instant } | undefined;
  activity: JobView['activity'];
  since: Instant | undefined;
  plannedAt: Instant | undefined;
  isFirstPlan: boolean;
  warnings: readonly PlanWarning[];
  postponed: number;
  error: ExportdError | undefined;
  lastRun: string | undefined;
}

/**
 * What the daemon knows without asking anybody: every event folded into one picture, from which metrics, alerts and
 * pages are told. Bounded by the config and by the periods that its tables hold.
 */
export class LastSeen {
  readonly #jobs = new Map<string, Known>();
  readonly #runs = new RunList();
  readonly #reach = new Reach();
  readonly #orphans = new Map<string, readonly OrphanedTable[]>();
  readonly #words = oneOfEach();
  #config: ConfigView = { config: undefined, version: undefined, loadedAt: undefined, broken: undefined };
  #lookedAt: Instant | undefined;
  #stopping = false;

  /** Must be told of every event, before whoever asks for what came of it. */
  tell(event: DaemonEvent): void {
    this.#runs.tell(event);
    this.#reach.tell(event, (name) => this.jobNamed(name));
    switch (event.type) {
      case 'config.loaded':
        this.#configLoaded(event);
        return;
      case 'config.broken':
        this.#config = { ...this.#config, broken: { at: event.at, problems: event.problems } };
        return;
      case 'look':
        this.#lookedAt = event.at;
        return;
      case 'orphans':
        this.#orphans.set(event.destination, event.orphans);
        return;
      case 'stopping':
        this.#stopping = true;
        return;
      case 'job.queued':
      case 'job.started':
      case 'job.planned':
      case 'job.unplanned':
      case 'job.refused':
      case 'job.ended':
      case 'period.done':
        this.#jobTold(event);
        return;
      case 'run.planned':
        for (const { job } of event.plans) {
          const known = this.#jobs.get(job.name);
          if (known !== undefined) known.lastRun = event.runId;
        }
        return;
      default:
    }
  }

  /** Every job of the config, in its order. */
  *jobs(now: Instant): Generator<JobView> {
    for (const known of this.#jobs.values()) yield this.#view(known, now);
  }

  job(name: string, now: Instant): JobView | undefined {
    const known = this.#jobs.get(name);
    return known && this.#view(known, now);
  }

  /** As the config in force has it. */
  jobNamed(name: string): Job | undefined {
    return this.#jobs.get(name)?.job;
  }

  /** All that are known of a job's table, oldest first; undefined where there is no such job, or it was not read yet. */
  periods(name: string): PeriodView[] | undefined {
    const picture = this.#jobs.get(name)?.picture;
    if (picture === undefined) return undefined;
    const periods = [...picture.table.states].map(([key, state]): PeriodView => {
      const { detail: _, orgId: __, rowsLoadId: ___, policy: ____, ...seen } = state;
      return { key, ...seen };
    });
    return periods.sort((a, b) => a.end - b.end);
  }

  /** The newest 200, newest first. */
  runs(): RunView[] {
    return this.#runs.newest();
  }

  /** One of the newest 200. */
  run(runId: string): RunView | undefined {
    return this.#runs.run(runId);
  }

  config(): ConfigView {
    return this.#config;
  }

  reach(): ReachView {
    return this.#reach.view();
  }

  orphans(): OrphanedTable[] {
    return [...this.#orphans.values()].flat();
  }

  /** Why the daemon cannot do its work; none: it is ready. */
  notReady(): Reason[] {
    return notReady(this.#config, this.#reach.view(), this.#stopping);
  }

  get lookedAt(): Instant | undefined {
    return this.#lookedAt;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  #configLoaded({ at, config, version }: Extract<DaemonEvent, { type: 'config.loaded' }>): void {
    this.#config = { config, version, loadedAt: at, broken: undefined };
    const before = new Map(this.#jobs);
    this.#jobs.clear();
    for (const job of config.jobs) {
      const known = before.get(job.name);
      this.#jobs.set(job.name, known === undefined ? unseen(job) : redefined(known, job));
    }
    this.#reach.keepOnly(config.sources, config.destinations);
    for (const name of this.#orphans.keys()) if (!config.destinations.has(name)) this.#orphans.delete(name);
  }

  #jobTold(event: Extract<DaemonEvent, { readonly job: unknown }>): void {
    const known = this.#jobs.get(typeof event.job === 'string' ? event.job : event.job.name);
    // A run that began under an older config may speak of jobs that are gone.
    if (known === undefined) return;
    switch (event.type) {
      case 'job.queued':
      case 'job.started':
        // A job that is queued again while it runs still runs.
        if (event.type === 'job.queued' && known.activity === 'running') return;
        known.activity = event.type === 'job.queued' ? 'queued' : 'running';
        known.since = event.at;
        return;
      case 'job.planned':
        if (!isSameTable(known.job, event.job)) return;
        known.picture = new TablePicture(event.state, this.#words);
        known.judged = undefined;
        known.isFirstPlan = known.plannedAt === undefined;
        known.plannedAt = event.at;
        known.warnings = event.plans.flatMap((plan) => plan.warnings);
        known.postponed = event.plans.reduce((sum, plan) => sum + plan.postponed, 0);
        known.error = event.plans.find((plan) => plan.refused !== undefined)?.refused;
        return;
      case 'job.unplanned':
      case 'job.refused':
        known.error = event.error;
        return;
      case 'period.done':
        if (event.entry?.tableName !== known.job.table.name) return;
        known.picture?.ended(event.entry, this.#words);
        known.judged = undefined;
        return;
      case 'job.ended':
        known.activity = 'idle';
        known.since = undefined;
        known.error = event.error ?? known.error;
        return;
      default:
    }
  }

  #view(known: Known, now: Instant): JobView {
    const { job, activity, since, plannedAt, isFirstPlan, warnings, postponed, error } = known;
    const lastRun = known.lastRun === undefined ? undefined : this.#runs.run(known.lastRun);
    const instances = known.picture?.table.instances ?? [];
    const status = statusOf(known, now);
    const planned = { plannedAt, isFirstPlan, warnings, postponed };
    return { job, status, activity, since, ...planned, error, lastRun, instances };
  }
}

/** Judged again only where something happened, or time passed a boundary: 10,000 jobs are asked for at every look. */
function statusOf(known: Known, now: Instant): JobStatus | undefined {
  if (known.picture === undefined) return undefined;
  const { judged } = known;
  if (judged !== undefined && judged.from <= now && now < judged.until) return judged.status;
  const status = jobStatus(known.job, now, known.picture.table);
  known.judged = { status, from: now, until: statusUntil(known.job, now) };
  return status;
}

function unseen(job: Job): Known {
  const never = { since: undefined, plannedAt: undefined, error: undefined, lastRun: undefined };
  return {
    job,
    picture: undefined,
    judged: undefined,
    activity: 'idle',
    isFirstPlan: false,
    warnings: [],
    postponed: 0,
    ...never,
  };
}

/** A job that the new config has as well, perhaps otherwise. */
function redefined(known: Known, job: Job): Known {
  if (!isSameTable(known.job, job)) return { ...unseen(job), activity: known.activity, since: known.since };
  return { ...known, job, judged: undefined };
}

function isSameTable(a: Job, b: Job): boolean {
  return a.destination === b.destination && a.table.name === b.table.name;
}
