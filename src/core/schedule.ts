import { type Cron, CronProblem, minutesBetween, parseCron } from './cron.ts';
import { DAY } from './dates.ts';
import { ExportdError } from './errors.ts';
import { earliestInstant, furthestWallTime, runsBetween } from './local-time.ts';
import type { Instant, Schedule } from './words.ts';

/**
 * When a schedule ticks. A schedule names minutes of the wall clock; each ticks at the earliest instant by which clocks
 * have reached it. So a time inside a spring gap ticks at the gap's end (several of them once), and a time in a repeated
 * hour ticks once, at the first.
 *
 * As with cron, a schedule whose minutes or hours begin with `*` runs by intervals rather than at fixed times: it also
 * ticks at the second reading of a repeated hour, so that every-15-minutes stays that.
 *
 * `jitter` is not looked at: it delays what the tick starts, not the tick.
 */

/** A problem with a schedule's cron text for people to read, or undefined. */
export function checkCron(text: string): string | undefined {
  try {
    parseCron(text);
    return undefined;
  } catch (error) {
    if (error instanceof CronProblem) return error.message;
    throw error;
  }
}

/** The ticks in (after, upTo], ascending. Throws CONFIG_INVALID where the cron text is none. */
export function ticksBetween(schedule: Schedule, after: Instant, upTo: Instant): Instant[] {
  const cron = parsed(schedule.cron);
  const zone = schedule.timezone;
  const ticks = new Set<Instant>();
  // earliestInstant never falls while the wall-clock time rises: the minutes that tick here are those that clocks
  // reached here for the first time.
  for (const wall of minutesBetween(cron, furthestWallTime(after, zone), furthestWallTime(upTo, zone))) {
    ticks.add(earliestInstant(wall, zone));
  }
  if (!cron.wildcard) return [...ticks];
  for (const run of runsBetween(after, upTo, zone)) {
    for (const wall of minutesBetween(cron, run.after, run.upTo)) ticks.add(wall - run.offset);
  }
  return [...ticks].sort((a, b) => a - b);
}

/** 29 February comes on a given weekday after at most 40 years (2088 to 2128: 2100 is no leap year). */
const FURTHEST = 41 * 366 * DAY;

/** The next `count` ticks after an instant, ascending; fewer where a schedule does not come as often in 41 years. */
export function nextTicks(schedule: Schedule, after: Instant, count: number): Instant[] {
  const ticks: Instant[] = [];
  let [seen, width] = [after, DAY / 24];
  while (ticks.length < count && seen < after + FURTHEST) {
    ticks.push(...ticksBetween(schedule, seen, seen + width));
    seen += width;
    width = Math.min(width * 2, 400 * DAY);
  }
  return ticks.slice(0, count);
}

const crons = new Map<string, Cron>();

function parsed(text: string): Cron {
  let cron = crons.get(text);
  if (cron === undefined) {
    const problem = checkCron(text);
    if (problem !== undefined) {
      throw new ExportdError('CONFIG_INVALID', `schedule: ${problem}`, {
        scope: 'config',
        hint: 'write five fields as in crontab, such as "15 6 * * *", or a word such as "@daily"',
      });
    }
    cron = parseCron(text);
    crons.set(text, cron);
  }
  return cron;
}
