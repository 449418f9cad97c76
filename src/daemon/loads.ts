import type { Instant, LocalDate, PeriodKey } from '../core/words.ts';
import type { PeriodOutcome } from '../run/events.ts';
import type { DaemonEvent } from './daemon-events.ts';
import type { LastSeen } from './last-seen.ts';

/** What one run did to the table of one job: enough to start what builds on it. */
export interface Load {
  readonly at: Instant;
  readonly runId: string;
  readonly job: string;
  readonly table: string;
  readonly destination: string;
  /** Rows of the periods that were loaded. */
  readonly rows: number;
  /** Of all periods of the run. */
  readonly outcomes: Readonly<Partial<Record<PeriodOutcome, number>>>;
  /** How many periods have other rows now. */
  readonly changed: number;
  /** The first of them, at most 1,000. */
  readonly periods: readonly LoadedPeriod[];
}

export interface LoadedPeriod {
  readonly key: PeriodKey;
  readonly date: LocalDate;
  readonly outcome: PeriodOutcome;
  readonly rows: number;
}

type Growing = { -readonly [Field in keyof Load]: Load[Field] } & {
  readonly outcomes: Partial<Record<PeriodOutcome, number>>;
  readonly periods: LoadedPeriod[];
};

/** Periods that a message names: a backfill of years is no message. */
const NAMED = 1_000;

/** Sums up what each run loads, job by job. */
export class Loads {
  readonly #lastSeen: LastSeen;
  readonly #runs = new Map<string, Map<string, Growing>>();

  constructor(lastSeen: LastSeen) {
    this.#lastSeen = lastSeen;
  }

  /** What a run that is over changed, one for each of its jobs; none where no row is another. */
  tell(event: DaemonEvent): Load[] {
    switch (event.type) {
      case 'run.planned':
        this.#runs.set(event.runId, new Map());
        return [];
      case 'period.done':
        this.#add(event);
        return [];
      case 'run.finished':
      case 'job.ended':
        // A run that threw has not said that it is over; what it committed is loaded.
        return event.runId === undefined ? [] : this.#end(event.runId, event.at);
      default:
        return [];
    }
  }

  #add({ runId, at, job, key, outcome, rows, was, entry }: Extract<DaemonEvent, { type: 'period.done' }>): void {
    const known = this.#lastSeen.jobNamed(job);
    const jobs = this.#runs.get(runId);
    if (known === undefined || jobs === undefined) return;
    const { destination, table } = known;
    const none = { rows: 0, outcomes: {}, changed: 0, periods: [] };
    const load: Growing = jobs.get(job) ?? { at, runId, job, table: table.name, destination, ...none };
    jobs.set(job, load);
    load.outcomes[outcome] = (load.outcomes[outcome] ?? 0) + 1;
    const changes = outcome === 'loaded' || (outcome === 'empty' && (was ?? 0) > 0);
    if (!changes) return;
    load.rows += rows;
    load.changed += 1;
    if (load.periods.length < NAMED) load.periods.push({ key, date: entry?.periodDate ?? '', outcome, rows });
  }

  #end(runId: string, at: Instant): Load[] {
    const jobs = this.#runs.get(runId);
    this.#runs.delete(runId);
    return [...(jobs?.values() ?? [])].filter(({ changed }) => changed > 0).map((load) => ({ ...load, at }));
  }
}
