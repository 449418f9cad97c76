import { DAY } from '../core/dates.ts';
import { nextTicks, ticksBetween } from '../core/schedule.ts';
import type { Instant, Job, Schedule } from '../core/words.ts';

/** A job that a look found due, and the newest tick that it answers. */
export interface DueJob {
  readonly job: Job;
  readonly tick: Instant;
}

interface Watched {
  readonly job: Job;
  readonly schedule: Schedule;
  /** Ticks up to here have been answered. */
  seen: Instant;
  /** The first tick after `seen`; undefined: the schedule never ticks again. */
  next: Instant | undefined;
  /** A tick that waits for its jitter. */
  waiting: { readonly tick: Instant; readonly until: Instant } | undefined;
}

/** A clock that went back further than this was wrong before: ticks up to then are no longer waited for. */
const CLOCK_WAS_WRONG = DAY;
/** How far back the newest of many missed ticks is looked for. */
const NEWEST_WITHIN = 2 * DAY;

/**
 * Which jobs are due, look by look. Nothing depends on a look coming in time: however many ticks lie between two of them,
 * a job is due once. A clock that goes back makes no tick come twice.
 */
export class Schedules {
  readonly #watched: Watched[];

  /** @param before whose looks go on for jobs that keep their name and schedule: a reload neither loses nor repeats a tick */
  constructor(jobs: readonly Job[], now: Instant, before?: Schedules) {
    const earlierOnes = before === undefined ? [] : before.#watched;
    const known = new Map(earlierOnes.map((watched) => [watched.job.name, watched]));
    this.#watched = jobs.flatMap((job) => {
      const { schedule } = job;
      if (!job.enabled || schedule === undefined) return [];
      const earlier = known.get(job.name);
      if (earlier !== undefined && isSame(earlier.schedule, schedule)) return [{ ...earlier, job, schedule }];
      return [{ job, schedule, seen: now, next: nextTicks(schedule, now, 1)[0], waiting: undefined }];
    });
  }

  /** Jobs that are due now. `random` (0 to 1) spreads those that have a jitter. */
  due(now: Instant, random: () => number): DueJob[] {
    const due: DueJob[] = [];
    for (const watched of this.#watched) {
      const { job, schedule } = watched;
      if (now < watched.seen - CLOCK_WAS_WRONG) {
        this.#lookFrom(watched, now);
        if (watched.waiting !== undefined) watched.waiting = { ...watched.waiting, until: now };
      } else if (watched.next !== undefined && watched.next <= now) {
        const tick = newestTick(schedule, watched.next, now);
        watched.waiting ??= { tick, until: now + random() * schedule.jitter };
        this.#lookFrom(watched, now);
      }
      if (watched.waiting === undefined || now < watched.waiting.until) continue;
      due.push({ job, tick: watched.waiting.tick });
      watched.waiting = undefined;
    }
    return due;
  }

  #lookFrom(watched: Watched, now: Instant): void {
    watched.seen = now;
    watched.next = nextTicks(watched.schedule, now, 1)[0];
  }
}

function newestTick(schedule: Schedule, first: Instant, now: Instant): Instant {
  return ticksBetween(schedule, Math.max(first, now - NEWEST_WITHIN), now).at(-1) ?? first;
}

function isSame(a: Schedule, b: Schedule): boolean {
  return a.cron === b.cron && a.timezone === b.timezone && a.jitter === b.jitter;
}
