import { addDays } from '../src/core/dates.ts';
import type { Instant, LocalDate } from '../src/core/words.ts';
import type { Row } from '../test/engines/usage-api/rows.ts';
import { eventsOfDay, type Origin, type UsageEvent } from './usage/events.ts';
import { type ReportRequest, reportRows } from './usage/reports.ts';
import { createWorkspace, type Workspace } from './usage/workspace.ts';

export interface UsageOptions {
  /** The same seed gives the same usage, on every machine. */
  readonly seed: number;
  /** Last UTC date with usage. */
  readonly last: LocalDate;
  /** UTC dates with usage, 400 by default: a little more than any source keeps. */
  readonly days?: number;
  readonly users?: number;
  /** A bridge that was down: what came through it in [from, to) arrives late. */
  readonly outage?: Outage;
}

export interface Outage {
  readonly origin: Origin;
  readonly from: Instant;
  readonly to: Instant;
  readonly arrivesAt: Instant;
}

/** What an export asks, and when. */
export interface UsageRequest extends ReportRequest {
  readonly start: Instant;
  /** Exclusive. */
  readonly end: Instant;
  /** Only what has arrived by then is counted. */
  readonly now: Instant;
}

const DAY = 86_400_000;

/**
 * Made-up usage of one workspace: people with office hours and weekends, growth, phones that are offline,
 * programs at night. Every day is generated from the seed alone, when it is first asked for.
 */
export class Usage {
  readonly workspace: Workspace;
  readonly #options: UsageOptions;
  readonly #first: LocalDate;
  readonly #days = new Map<LocalDate, readonly UsageEvent[]>();
  #billed: { readonly night: Instant; readonly byUser: ReadonlyMap<number, number> } | undefined;

  constructor(options: UsageOptions) {
    const { seed, last, days = 400, users = 120 } = options;
    this.#options = options;
    this.#first = addDays(last, 1 - days);
    this.workspace = createWorkspace(seed, this.#first, last, users);
  }

  /** The rows of a report, or undefined where there was no usage. */
  rows(request: UsageRequest): Row[] | undefined {
    const billed = (user: number) => this.#billedByUser(request.now).get(user) ?? 0;
    return reportRows(this.workspace, request, this.events(request), { now: request.now, billed });
  }

  /** What happened in [start, end) and has arrived by `now`, oldest first. */
  *events({ start, end, now }: Pick<UsageRequest, 'start' | 'end' | 'now'>): Generator<UsageEvent> {
    const first = Math.max(start - (start % DAY), Date.parse(this.#first));
    const last = Math.min(end - 1, Date.parse(this.#options.last));
    for (let day = first; day <= last; day += DAY) {
      for (const event of this.#day(new Date(day).toISOString().slice(0, 10))) {
        if (event.at >= start && event.at < end && event.arrivesAt <= now) yield event;
      }
    }
  }

  #day(day: LocalDate): readonly UsageEvent[] {
    let events = this.#days.get(day);
    if (events === undefined) {
      const onTime = eventsOfDay(this.#options.seed, this.workspace, day, this.#first);
      events = onTime.map((event) => this.#delayed(event));
      this.#days.set(day, events);
    }
    return events;
  }

  #delayed(event: UsageEvent): UsageEvent {
    const { outage } = this.#options;
    const hit =
      outage !== undefined && event.origin === outage.origin && event.at >= outage.from && event.at < outage.to;
    return hit ? { ...event, arrivesAt: Math.max(event.arrivesAt, outage.arrivesAt) } : event;
  }

  /** Bills are made at midnight UTC, of what had arrived by then: between two midnights they stand still. */
  #billedByUser(now: Instant): ReadonlyMap<number, number> {
    const night = now - (now % DAY);
    if (this.#billed?.night !== night) {
      const byUser = new Map<number, number>();
      const monthStart = Date.parse(`${new Date(night).toISOString().slice(0, 7)}-01`);
      for (const { user, cost } of this.events({ start: monthStart, end: night, now: night })) {
        if (user !== undefined) byUser.set(user, (byUser.get(user) ?? 0) + cost);
      }
      this.#billed = { night, byUser };
    }
    return this.#billed.byUser;
  }
}
