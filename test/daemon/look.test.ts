import { describe, expect, test } from 'vitest';
import type { Job, Schedule } from '../../src/core/words.ts';
import { Schedules } from '../../src/daemon/look.ts';
import { someJob } from '../core/some-job.ts';

const MINUTE = 60_000;
const at = (text: string) => Date.parse(text);
const daily: Schedule = { cron: '15 6 * * *', timezone: 'Europe/Berlin', jitter: 0 };
const jobOf = (name: string, schedule: Schedule | undefined, enabled = true): Job =>
  someJob({ name, schedule, enabled });
const names = (schedules: Schedules, now: number) => schedules.due(now, () => 0).map(({ job }) => job.name);

describe('a look', () => {
  test('finds a job due once its tick has come, with the tick, and not again', () => {
    const schedules = new Schedules([jobOf('a', daily)], at('2026-11-24T12:00Z'));
    expect(names(schedules, at('2026-11-25T05:14:45Z'))).toEqual([]);
    expect(schedules.due(at('2026-11-25T05:15:00Z'), () => 0)).toMatchObject([{ tick: at('2026-11-25T05:15Z') }]);
    expect(names(schedules, at('2026-11-25T05:15:15Z'))).toEqual([]);
  });

  test('that comes late, after a sleep or a long run, finds a job due once for all the ticks it missed', () => {
    const hourly = { cron: '0 * * * *', timezone: 'UTC', jitter: 0 };
    const schedules = new Schedules([jobOf('a', hourly), jobOf('b', daily)], at('2026-11-01T00:30Z'));
    const due = schedules.due(at('2026-11-09T03:10Z'), () => 0);
    expect(due).toMatchObject([
      { job: { name: 'a' }, tick: at('2026-11-09T03:00Z') },
      { job: { name: 'b' }, tick: at('2026-11-08T05:15Z') },
    ]);
    expect(names(schedules, at('2026-11-09T03:10:15Z'))).toEqual([]);
  });

  test('makes no tick come twice where the clock goes back an hour', () => {
    const schedules = new Schedules([jobOf('a', daily)], at('2026-11-25T05:00Z'));
    expect(names(schedules, at('2026-11-25T05:15Z'))).toEqual(['a']);
    expect(names(schedules, at('2026-11-25T04:20Z'))).toEqual([]);
    expect(names(schedules, at('2026-11-25T05:16Z'))).toEqual([]);
    expect(names(schedules, at('2026-11-26T05:15Z'))).toEqual(['a']);
  });

  test('goes by the clock as it is where it was a year ahead before', () => {
    const schedules = new Schedules([jobOf('a', daily)], at('2026-11-24T12:00Z'));
    expect(names(schedules, at('2027-11-24T12:00Z'))).toEqual(['a']);
    expect(names(schedules, at('2026-11-24T12:00Z'))).toEqual([]);
    expect(names(schedules, at('2026-11-25T05:15Z'))).toEqual(['a']);
  });

  test('fires a time inside a spring gap at the end of the gap, and one in a repeated hour once', () => {
    const night = { cron: '30 2 * * *', timezone: 'Europe/Berlin', jitter: 0 };
    const spring = new Schedules([jobOf('a', night)], at('2026-03-28T12:00Z'));
    expect(names(spring, at('2026-03-29T00:59Z'))).toEqual([]);
    expect(names(spring, at('2026-03-29T01:00Z'))).toEqual(['a']);
    const autumn = new Schedules([jobOf('a', night)], at('2026-10-24T12:00Z'));
    expect(names(autumn, at('2026-10-25T00:30Z'))).toEqual(['a']);
    expect(names(autumn, at('2026-10-25T01:31Z'))).toEqual([]);
  });

  test('waits with a job for its jitter, and still answers its tick', () => {
    const schedules = new Schedules([jobOf('a', { ...daily, jitter: 10 * MINUTE })], at('2026-11-25T05:00Z'));
    const half = () => 0.5;
    expect(schedules.due(at('2026-11-25T05:15Z'), half)).toEqual([]);
    expect(schedules.due(at('2026-11-25T05:19:45Z'), half)).toEqual([]);
    expect(schedules.due(at('2026-11-25T05:20Z'), half)).toMatchObject([{ tick: at('2026-11-25T05:15Z') }]);
    expect(schedules.due(at('2026-11-25T05:20:15Z'), half)).toEqual([]);
  });

  test('never finds a job that is disabled, or that has no schedule', () => {
    const schedules = new Schedules([jobOf('a', daily, false), jobOf('b', undefined)], at('2026-11-01T00:00Z'));
    expect(names(schedules, at('2026-11-20T00:00Z'))).toEqual([]);
  });
});

describe('a reload', () => {
  const before = at('2026-11-25T05:00Z');
  const reload = at('2026-11-25T05:16Z');

  test('loses no tick of a job that keeps its schedule, and repeats none', () => {
    const old = new Schedules([jobOf('a', daily)], before);
    const due = new Schedules([jobOf('a', daily)], reload, old);
    expect(names(due, reload)).toEqual(['a']);
    const done = new Schedules([jobOf('a', daily)], reload + MINUTE, due);
    expect(names(done, reload + MINUTE)).toEqual([]);
  });

  test('begins anew with a job whose schedule is another, or that is new', () => {
    const old = new Schedules([jobOf('a', daily)], before);
    const hourly = { ...daily, cron: '10 * * * *' };
    const now = new Schedules([jobOf('a', hourly), jobOf('b', daily)], reload, old);
    expect(names(now, reload)).toEqual([]);
    expect(names(now, at('2026-11-25T06:10Z'))).toEqual(['a']);
    expect(names(now, at('2026-11-26T05:15Z'))).toEqual(['a', 'b']);
  });
});

test('ten thousand jobs are looked at in less time than it takes to tell', () => {
  const jobs = Array.from({ length: 10_000 }, (_, n) =>
    jobOf(`j${n}`, { ...daily, cron: `${n % 60} ${n % 24} * * *` }),
  );
  const schedules = new Schedules(jobs, at('2026-11-24T12:00:01Z'));
  const cpu = process.cpuUsage();
  for (let looks = 1; looks <= 100; looks++) schedules.due(at('2026-11-24T12:00:01Z') + looks * 500, () => 0);
  const { user, system } = process.cpuUsage(cpu);
  // 1 % of the 15 s between two looks would be 150 ms each.
  expect((user + system) / 1000 / 100).toBeLessThan(50);
});
