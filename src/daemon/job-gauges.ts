import { Gauge, type Registry } from 'prom-client';
import type { Instant } from '../core/words.ts';
import type { JobView, LastSeen } from './last-seen.ts';

const COUNTED = ['missing', 'provisional', 'failed', 'held'] as const;

/** How every job stands, filled in at a scrape. What is not known yet is not there. */
export class JobGauges {
  readonly #all: readonly Gauge[];
  readonly #state: Gauge<'job' | 'state'>;
  readonly #stale: Gauge<'job'>;
  readonly #age: Gauge<'job'>;
  readonly #nextTick: Gauge<'job'>;
  readonly #periods: Gauge<'job' | 'kind'>;
  readonly #warnings: Gauge<'job' | 'code'>;
  readonly #activity: Gauge<'activity'>;
  readonly #waiting: Gauge;

  constructor(registry: Registry) {
    const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Gauge<L>({ name: `exportd_${name}`, help, labelNames, registers: [registry] });
    this.#state = gauge('job_state', '1 for the state that the job is in', ['job', 'state']);
    this.#stale = gauge('job_stale', '1 where the newest closed period was not in by expect_by', ['job']);
    this.#age = gauge('job_newest_closed_age_seconds', 'Since the end of the newest closed period that is in', ['job']);
    this.#nextTick = gauge('job_next_tick_timestamp_seconds', 'Next tick of the schedule', ['job']);
    this.#periods = gauge('job_periods', 'Periods that are missing, provisional, failed or held', ['job', 'kind']);
    this.#warnings = gauge('job_warning', '1 for each warning of the newest plan', ['job', 'code']);
    this.#activity = gauge('jobs', 'Jobs that are idle, queued or running', ['activity']);
    this.#waiting = gauge('oldest_queued_seconds', 'How long the job has waited that waits longest');
    this.#all = [this.#state, this.#stale, this.#age, this.#nextTick, this.#periods, this.#warnings, this.#activity];
  }

  fill(lastSeen: LastSeen, now: Instant): void {
    for (const gauge of this.#all) gauge.reset();
    const activities = { idle: 0, queued: 0, running: 0 };
    let oldest = now;
    for (const view of lastSeen.jobs(now)) {
      activities[view.activity] += 1;
      if (view.activity === 'queued' && view.since !== undefined) oldest = Math.min(oldest, view.since);
      this.#fillJob(view, now);
    }
    for (const [activity, jobs] of Object.entries(activities)) this.#activity.set({ activity }, jobs);
    this.#waiting.set((now - oldest) / 1000);
  }

  #fillJob({ job: { name: job }, status, warnings }: JobView, now: Instant): void {
    for (const { code } of warnings) this.#warnings.set({ job, code }, 1);
    if (status === undefined) return;
    this.#state.set({ job, state: status.state }, 1);
    this.#stale.set({ job }, Number(status.stale));
    if (status.reach !== undefined) this.#age.set({ job }, (now - status.reach) / 1000);
    const [tick] = status.nextTicks;
    if (tick !== undefined) this.#nextTick.set({ job }, tick / 1000);
    for (const kind of COUNTED) this.#periods.set({ job, kind }, status[kind]);
  }
}
