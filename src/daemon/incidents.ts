import type { ExportdError } from '../core/errors.ts';
import type { JobStatus } from '../core/job-status.ts';
import type { Instant, Job, PeriodKey } from '../core/words.ts';
import type { DaemonEvent } from './daemon-events.ts';
import type { JobView, LastSeen } from './last-seen.ts';
import { sourceOf } from './reach.ts';

/** Something that is wrong with one thing, from its first sign until it is well again. */
export interface Incident {
  readonly kind: 'failure' | 'held' | 'stale';
  readonly what: 'job' | 'source' | 'destination' | 'config';
  /** Name in the YAML; undefined of the config. */
  readonly name: string | undefined;
  readonly since: Instant;
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  /** The period that was its first sign. */
  readonly key: PeriodKey | undefined;
}

/** An incident began, or is over. */
export interface Change {
  readonly at: Instant;
  readonly type: 'began' | 'recovered';
  readonly incident: Incident;
}

/** `kind/what/name`: there is one at a time. */
export type IncidentId = string;

export function idOf({ kind, what, name }: Pick<Incident, 'kind' | 'what' | 'name'>): IncidentId {
  return `${kind}/${what}/${name ?? ''}`;
}

type Sign = Omit<Incident, 'since'>;

/** How an incident stands. */
interface Open {
  readonly incident: Incident;
  /** The ledger had it already when the daemon started: another process has told of it. */
  readonly inherited: boolean;
  /** Of a destination: what must work again. */
  readonly at: 'plan' | 'commit';
}

/**
 * What is wrong, each once: a job that fails at every tick is one incident until it recovers, and a source or a
 * destination that fails is one whatever the number of its jobs. Bounded by the config.
 */
export class Incidents {
  readonly #lastSeen: LastSeen;
  readonly #open = new Map<IncidentId, Open>();

  /** @param lastSeen has been told of every event before these incidents are */
  constructor(lastSeen: LastSeen) {
    this.#lastSeen = lastSeen;
  }

  /** What began and what recovered by this event. */
  tell(event: DaemonEvent): Change[] {
    switch (event.type) {
      case 'config.broken': {
        const [first = 'the config has errors'] = event.problems;
        const message = `the newest config cannot be used, the one before stays: ${first.split('\n', 1)[0]}`;
        const hint = 'exportd validate shows every error with its place.';
        return this.#begin(
          { kind: 'failure', what: 'config', name: undefined, code: 'CONFIG_INVALID', message, hint, key: undefined },
          event.at,
        );
      }
      case 'config.loaded':
        this.#forgetGone(event.config);
        return this.#recover('failure/config/', event.at);
      case 'job.refused':
      case 'job.unplanned':
        return this.#failed(event.job, event.error, undefined, event.at, 'plan');
      case 'job.planned':
        return this.#planned(event.job, event.at);
      case 'period.extracted': {
        const source = sourceOf(event, (name) => this.#lastSeen.jobNamed(name));
        return this.#recover(`failure/source/${source ?? ''}`, event.at);
      }
      case 'batch.committed':
        return this.#recover(`failure/destination/${this.#destinationOf(event) ?? ''}`, event.at);
      case 'period.done':
        return this.#periodDone(event);
      case 'job.ended':
        return this.#jobEnded(event);
      case 'look':
        return [...this.#lastSeen.jobs(event.at)].flatMap((view) => this.#freshness(view, event.at));
      default:
        return [];
    }
  }

  #periodDone({ job, key, outcome, error, at }: Extract<DaemonEvent, { type: 'period.done' }>): Change[] {
    if (error === undefined) return [];
    if (outcome === 'failed') return this.#failed(job, error, key, at, 'commit');
    if (outcome !== 'held') return [];
    const { code, message, hint } = error;
    return this.#begin({ kind: 'held', what: 'job', name: job, code, message, hint, key }, at);
  }

  /** A source or a destination that fails is told of as such, not once for each of its jobs. */
  #failed(job: string, error: ExportdError, key: PeriodKey | undefined, at: Instant, where: Open['at']): Change[] {
    const { code, message, hint, scope } = error;
    const known = this.#lastSeen.jobNamed(job);
    if (known === undefined) return [];
    const sign = { kind: 'failure', code, message, hint, key } as const;
    const source = scope === 'source' && key !== undefined ? sourceOf({ job, key }, () => known) : undefined;
    if (source !== undefined) return this.#begin({ ...sign, what: 'source', name: source }, at);
    if (scope === 'destination') {
      return this.#begin({ ...sign, what: 'destination', name: known.destination }, at, where);
    }
    return this.#begin({ ...sign, what: 'job', name: job }, at);
  }

  #planned(job: Job, at: Instant): Change[] {
    const id = `failure/destination/${job.destination}`;
    const changes = this.#open.get(id)?.at === 'plan' ? this.#recover(id, at) : [];
    const view = this.#lastSeen.job(job.name, at);
    if (view?.status !== undefined && view.isFirstPlan) this.#inherit(view.job, view.status, at);
    return changes;
  }

  /** What the ledger knew when the daemon started was told by the process that wrote it: only its end is news. */
  #inherit({ name }: Job, { failed, held }: JobStatus, at: Instant): void {
    const none = { code: undefined, hint: undefined, key: undefined };
    const inherit = (kind: 'failure' | 'held', message: string) => {
      const incident: Incident = { kind, what: 'job', name, since: at, message, ...none };
      const id = idOf(incident);
      if (!this.#open.has(id)) this.#open.set(id, { incident, inherited: true, at: 'plan' });
    };
    if (failed > 0) inherit('failure', `${failed} of its periods had failed`);
    if (held > 0) inherit('held', `${held} of its periods were held`);
  }

  #jobEnded({ job, error, at }: Extract<DaemonEvent, { type: 'job.ended' }>): Change[] {
    if (error !== undefined) return this.#failed(job, error, undefined, at, 'commit');
    const view = this.#lastSeen.job(job, at);
    if (view?.status === undefined || view.error !== undefined) return [];
    const { failed, held, state } = view.status;
    return [
      ...(failed === 0 && state !== 'refused' ? this.#recover(`failure/job/${job}`, at) : []),
      ...(held === 0 ? this.#recover(`held/job/${job}`, at) : []),
    ];
  }

  #freshness({ job, status, activity, isFirstPlan }: JobView, at: Instant): Change[] {
    const { name, enabled, expectBy, timezone } = job;
    if (status === undefined || !enabled) return [];
    if (!status.stale) return this.#recover(`stale/job/${name}`, at);
    // What was missed while no daemon ran is on its way.
    if (isFirstPlan && activity !== 'idle') return [];
    const reached =
      status.newestClosed === undefined ? 'none is in' : `the newest that is in is ${status.newestClosed}`;
    const message = `the newest closed period was not in by ${expectBy} (${timezone}): ${reached}`;
    const hint = `exportd status ${name} says what is missing.`;
    return this.#begin({ kind: 'stale', what: 'job', name, code: undefined, message, hint, key: undefined }, at);
  }

  #begin(sign: Sign, at: Instant, where: Open['at'] = 'plan'): Change[] {
    const id = idOf(sign);
    const open = this.#open.get(id);
    if (open !== undefined && !open.inherited) return [];
    const incident: Incident = { ...sign, since: at };
    this.#open.set(id, { incident, inherited: false, at: where });
    return [{ at, type: 'began', incident }];
  }

  #recover(id: IncidentId, at: Instant): Change[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    this.#open.delete(id);
    return [{ at, type: 'recovered', incident: open.incident }];
  }

  #destinationOf({ runId, table }: { readonly runId: string; readonly table: string }): string | undefined {
    const jobs = this.#lastSeen.run(runId)?.jobs.flatMap((name) => this.#lastSeen.jobNamed(name) ?? []);
    return jobs?.find((job) => job.table.name === table)?.destination;
  }

  /** What a person took out of the config is no incident any more. */
  #forgetGone(config: Extract<DaemonEvent, { type: 'config.loaded' }>['config']): void {
    const jobs = new Set(config.jobs.filter(({ enabled }) => enabled).map(({ name }) => name));
    const isThere = ({ what, name = '' }: Incident): boolean => {
      if (what === 'job') return jobs.has(name);
      return what === 'config' || (what === 'source' ? config.sources : config.destinations).has(name);
    };
    for (const [id, { incident }] of this.#open) if (!isThere(incident)) this.#open.delete(id);
  }
}
