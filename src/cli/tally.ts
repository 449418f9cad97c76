import type { Instant, PeriodKey } from '../core/words.ts';
import type { RunEvent } from '../run/events.ts';
import { paceTime, waitingTime } from './forecast.ts';

/** The rate is that of the last minute: what came before says little about what is to come. */
const MINUTE = 60_000;

/** How far a run has come, as its events tell. Knows no terminal. */
export class Tally {
  /** All periods of the run. */
  periods = 0;
  /** Periods that have ended, whatever their outcome. */
  done = 0;
  failed = 0;
  held = 0;
  /** Rows that were loaded. */
  rows = 0;
  /** As `job key`: one period may be that of several jobs, and each plans it. */
  readonly #fetched = new Set<string>();
  /** When the periods of the last minute were fetched, oldest first. */
  readonly #recent: Instant[] = [];
  #began: Instant = 0;
  #forecast = 0;
  #pace = 0;

  /** Periods whose export has arrived, or that ended without one. */
  get fetched(): number {
    return this.#fetched.size;
  }

  take(event: RunEvent): void {
    switch (event.type) {
      case 'run.planned': {
        this.#began = event.at;
        this.periods = event.plans.reduce((sum, plan) => sum + plan.periods.length, 0);
        this.#forecast = waitingTime(event.plans);
        this.#pace = paceTime(event.plans);
        break;
      }
      case 'period.extracted':
        this.#fetch(event);
        break;
      case 'period.done':
        this.#fetch(event);
        this.done += 1;
        if (event.outcome === 'failed') this.failed += 1;
        if (event.outcome === 'held') this.held += 1;
        if (event.outcome === 'loaded') this.rows += event.rows;
        break;
      default:
    }
  }

  /** Periods fetched per minute, or undefined where it is too early to say. */
  rate(now: Instant): number | undefined {
    this.#forget(now);
    const seen = Math.min(MINUTE, now - this.#began);
    return this.#recent.length < 2 || seen < 1000 ? undefined : (this.#recent.length / seen) * MINUTE;
  }

  /**
   * Milliseconds until the last period is fetched: as the last minute went, never faster than the sources' rates allow
   * (a burst at the start says nothing of them). Before anything came it is the plan's forecast.
   */
  timeLeft(now: Instant): number {
    const waiting = this.periods - this.fetched;
    const share = this.periods === 0 ? 0 : waiting / this.periods;
    const rate = this.rate(now);
    const asForecast = Math.max(0, this.#forecast * share - (this.fetched === 0 ? now - this.#began : 0));
    return Math.max(rate === undefined ? asForecast : (waiting / rate) * MINUTE, this.#pace * share);
  }

  #fetch({ job, key, at }: { readonly job: string; readonly key: PeriodKey; readonly at: Instant }): void {
    const period = `${job} ${key}`;
    if (this.#fetched.has(period)) return;
    this.#fetched.add(period);
    this.#recent.push(at);
    this.#forget(at);
  }

  #forget(now: Instant): void {
    while ((this.#recent[0] ?? now) <= now - MINUTE) this.#recent.shift();
  }
}
