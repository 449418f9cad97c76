import type { ExportdError } from '../core/errors.ts';
import type { Instant, Job } from '../core/words.ts';
import type { RunEvent } from '../run/events.ts';
import type { DaemonEvent } from './daemon-events.ts';

/** How a source or a destination answered last. Neither: nobody has asked it yet. */
export interface Contact {
  readonly answeredAt: Instant | undefined;
  /** Newer than its last answer; undefined where it answered since. */
  readonly failure: { readonly at: Instant; readonly error: ExportdError } | undefined;
}

export interface ReachView {
  /** By the names of the YAML. */
  readonly sources: ReadonlyMap<string, Contact>;
  readonly destinations: ReadonlyMap<string, Contact>;
}

/** One period's failure is none of its source where another period was answered this recently. Milliseconds. */
const ANSWERS_OTHERS = 10 * 60_000;

/** What sources and destinations said last, from the events of runs and plans: nobody is asked for it. */
export class Reach {
  readonly #sources = new Map<string, Contact>();
  readonly #destinations = new Map<string, Contact>();
  /** Of runs that are under way: which destination each of their tables is in. */
  readonly #tables = new Map<string, ReadonlyMap<string, string>>();

  view(): ReachView {
    return { sources: this.#sources, destinations: this.#destinations };
  }

  /** Forgets what the config does not name any more. */
  keepOnly(sources: ReadonlyMap<string, unknown>, destinations: ReadonlyMap<string, unknown>): void {
    for (const name of this.#sources.keys()) if (!sources.has(name)) this.#sources.delete(name);
    for (const name of this.#destinations.keys()) if (!destinations.has(name)) this.#destinations.delete(name);
  }

  /** @param jobNamed the job of the config that is in force */
  tell(event: DaemonEvent, jobNamed: (name: string) => Job | undefined): void {
    switch (event.type) {
      case 'job.planned':
        answered(this.#destinations, event.job.destination, event.at);
        break;
      case 'job.unplanned': {
        const destination = jobNamed(event.job)?.destination;
        if (event.error.scope === 'destination') failed(this.#destinations, destination, event.at, event.error);
        break;
      }
      case 'run.planned':
        this.#tables.set(event.runId, new Map(event.plans.map(({ job }) => [job.table.name, job.destination])));
        break;
      case 'run.finished':
        this.#tables.delete(event.runId);
        break;
      case 'job.ended':
        if (event.runId !== undefined) this.#tables.delete(event.runId);
        break;
      case 'batch.committed':
        answered(this.#destinations, this.#tables.get(event.runId)?.get(event.table), event.at);
        break;
      case 'batch.retrying':
        if (event.error.scope !== 'destination') break;
        failed(this.#destinations, this.#tables.get(event.runId)?.get(event.table), event.at, event.error);
        break;
      case 'period.extracted':
        answered(this.#sources, sourceOf(event, jobNamed), event.at);
        break;
      case 'period.retrying':
      case 'period.done':
        this.#periodTold(event, jobNamed);
        break;
      default:
    }
  }

  #periodTold(
    event: Extract<RunEvent, { type: 'period.retrying' | 'period.done' }>,
    jobNamed: (name: string) => Job | undefined,
  ): void {
    const { error, at } = event;
    // What was not tried says nothing that was not said before.
    if (error === undefined || (event.type === 'period.done' && event.outcome !== 'failed')) return;
    if (error.scope === 'destination') failed(this.#destinations, jobNamed(event.job)?.destination, at, error);
    if (!isOfSource(error)) return;
    const source = sourceOf(event, jobNamed);
    const answeredAt = this.#sources.get(source ?? '')?.answeredAt ?? -Infinity;
    if (error.scope === 'source' || at - answeredAt >= ANSWERS_OTHERS) failed(this.#sources, source, at, error);
  }
}

/** The source's name in the YAML: a period's key begins with the source's key. */
export function sourceOf(
  { job, key }: { readonly job: string; readonly key: string },
  jobNamed: (name: string) => Job | undefined,
): string | undefined {
  const sourceKey = key.slice(0, key.indexOf('/'));
  return jobNamed(job)?.sources.find((source) => source.key === sourceKey)?.name;
}

function isOfSource({ scope, code }: ExportdError): boolean {
  if (scope === 'source') return true;
  return (
    code === 'SOURCE_UNREACHABLE' || code === 'SOURCE_TIMEOUT' || code === 'SOURCE_ERROR' || code === 'TLS_REFUSED'
  );
}

function answered(contacts: Map<string, Contact>, name: string | undefined, at: Instant): void {
  if (name !== undefined) contacts.set(name, { answeredAt: at, failure: undefined });
}

function failed(contacts: Map<string, Contact>, name: string | undefined, at: Instant, error: ExportdError): void {
  if (name !== undefined) contacts.set(name, { answeredAt: contacts.get(name)?.answeredAt, failure: { at, error } });
}
