import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JobStatus, jobStatus, statusUntil } from '../../src/core/job-status.ts';
import type { Instant, Job, TableState } from '../../src/core/words.ts';
import { DAY, HOUR, someJob, someSource, someTable } from './some-job.ts';
import { type Answers, World } from './world.ts';

const at = (text: string): Instant => Date.parse(text);
const schedule = { cron: '15 6 * * *', timezone: 'Europe/Berlin', jitter: 0 };
const daily = someJob({ timezone: 'Europe/Berlin', schedule, expectBy: '09:00', window: { begin: '2026-11-20' } });
const sixty: Answers = () => 60;

/** A job that has ticked every morning from the 21st to the 25th, as it stands later. */
function afterwards(now: string, answers: Answers = sixty, job: Job = daily): JobStatus {
  const world = new World(job, answers);
  for (let tick = at('2026-11-21T05:15:00Z'); tick < at('2026-11-26T00:00:00Z'); tick += DAY) world.run(tick);
  return jobStatus(job, at(now), world.read());
}

describe('how a job stands', () => {
  test('is fresh where everything wanted is in', () => {
    expect(afterwards('2026-11-25T12:00:00Z')).toMatchObject({
      job: 'users_daily',
      table: 'users_daily',
      state: 'fresh',
      newestClosed: '2026-11-24',
      missing: 0,
      provisional: 0,
      failed: 0,
      held: 0,
      stale: false,
    });
  });

  test('says the next five ticks of its schedule, and none where it is disabled', () => {
    const { nextTicks } = afterwards('2026-11-25T12:00:00Z');
    expect(nextTicks).toEqual(Array.from({ length: 5 }, (_, n) => at('2026-11-26T05:15:00Z') + n * DAY));
    expect(afterwards('2026-11-25T12:00:00Z', sixty, { ...daily, enabled: false }).nextTicks).toEqual([]);
  });

  test('misses a day that has closed, and is not behind before its tick', () => {
    expect(afterwards('2026-11-26T01:00:00Z')).toMatchObject({ state: 'fresh', missing: 1 });
    expect(afterwards('2026-11-26T05:15:00Z')).toMatchObject({ state: 'behind', missing: 1 });
  });

  test('is stale once expect_by is past in its own timezone', () => {
    expect(afterwards('2026-11-26T07:59:59Z')).toMatchObject({ state: 'behind', stale: false });
    expect(afterwards('2026-11-26T08:00:00Z')).toMatchObject({ state: 'stale', stale: true });
  });

  test('is not made fresher by an old period', () => {
    const world = new World(daily, sixty);
    world.run(at('2026-11-23T05:15:00Z'));
    world.run(at('2026-11-25T08:30:00Z'), { kind: 'run', from: '2026-11-20', to: '2026-11-22', acceptHeld: false });
    expect(jobStatus(daily, at('2026-11-25T09:00:00Z'), world.read())).toMatchObject({
      stale: true,
      newestClosed: '2026-11-22',
    });
  });

  test('is never loaded before its first load, and refused where the table is another report', () => {
    expect(
      jobStatus({ ...daily, expectBy: undefined }, at('2026-11-25T12:00:00Z'), someTable({ exists: false })),
    ).toMatchObject({
      state: 'never loaded',
      newestClosed: undefined,
      missing: 5,
    });
    const holds: TableState['holds'] = { report: daily.report, grain: 'month', span: 1, timezones: new Map() };
    const refused = jobStatus(daily, at('2026-11-25T12:00:00Z'), someTable({ holds }));
    expect(refused).toMatchObject({ state: 'refused', missing: 0 });
    expect(refused.warnings.map(({ code }) => code)).toEqual(['TABLE_REFUSED']);
  });

  test('counts what failed and what is held', () => {
    const failing = afterwards('2026-11-25T07:00:00Z', (_, now) => (now > at('2026-11-25T00:00:00Z') ? 'down' : 60));
    expect(failing).toMatchObject({ state: 'failing', failed: 1, missing: 1 });
    const shrinking = afterwards('2026-11-25T07:00:00Z', ({ date }) => (date === '2026-11-24' ? 0 : 60), {
      ...daily,
      expect: { minRows: 5, maxShrink: 0.9 },
    });
    expect(shrinking).toMatchObject({ state: 'held', held: 1, missing: 1, failed: 0 });
  });

  test('counts periods that were loaded while they were open', () => {
    const job = { ...daily, expectBy: undefined, window: { ...daily.window, includeOpen: true } };
    const world = new World(job, sixty);
    world.run(at('2026-11-24T12:00:00Z'));
    expect(jobStatus(job, at('2026-11-25T05:15:00Z'), world.read())).toMatchObject({
      state: 'behind',
      provisional: 1,
      missing: 0,
    });
  });

  test('is that of its worst source', () => {
    const job = { ...daily, sources: [someSource(), someSource({ name: 'beta', key: 'beta' })] };
    const world = new World(job, sixty);
    for (let tick = at('2026-11-21T05:15:00Z'); tick < at('2026-11-26T00:00:00Z'); tick += DAY) world.run(tick);
    const status = jobStatus({ ...job, expectBy: undefined }, at('2026-11-25T12:00:00Z'), world.read());
    expect(status).toMatchObject({ state: 'never loaded', newestClosed: undefined, missing: 5 });
    expect(status.sources.map(({ source, state }) => `${source} ${state}`)).toEqual([
      'acme fresh',
      'beta never loaded',
    ]);
  });

  test('of the year of a source that keeps twelve months says that it can no longer be settled', () => {
    const source = someSource({ history: { amount: 12, unit: 'month' } });
    const job = someJob({ sources: [source], window: { grain: 'year', includeOpen: true } });
    const world = new World(job, sixty);
    world.run(at('2026-12-31T05:00:00Z'));
    const status = jobStatus(job, at('2027-01-01T05:00:00Z'), world.read());
    expect(status).toMatchObject({ state: 'fresh', provisional: 1 });
    expect(status.warnings.map(({ message }) => message)).toContain(
      'acme can no longer settle 2026-01-01: it keeps too little',
    );
  });

  test('says how many periods were loaded under other rules, as the plan does', () => {
    const world = new World(daily, sixty);
    world.run(at('2026-11-25T05:15:00Z'));
    const job = { ...daily, table: { ...daily.table, policy: 'policy-2' } };
    const { warnings } = jobStatus(job, at('2026-11-25T05:15:00Z') + HOUR, world.read());
    expect(warnings.map(({ message }) => message)).toEqual([
      "5 periods of acme loaded under other `columns:` or `schema:` rules than the job's, acme still keeps 5: " +
        'exportd backfill users_daily --outdated loads those again',
    ]);
  });
});

test('a status holds until the instant that says so, whatever the window and the schedule', () => {
  const crons = fc.constantFrom(undefined, '15 6 * * *', '*/20 * * * *', '0 0 1 * *');
  const zones = fc.constantFrom('Europe/Berlin', 'Africa/Cairo', 'America/Havana', 'Pacific/Apia', 'UTC');
  const windows = fc.record({
    grain: fc.constantFrom('hour' as const, 'day' as const, 'week' as const, 'month' as const),
    span: fc.constantFrom(1, 7),
    lookback: fc.constantFrom(1, 3),
    delay: fc.constantFrom(0, 2 * HOUR, 30 * HOUR),
    begin: fc.constantFrom(undefined, '2026-03-20'),
  });
  const moments = fc.integer({ min: Date.UTC(2026, 2, 20), max: Date.UTC(2026, 4, 5) });
  const someway = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(windows, crons, zones, moments, moments, someway, (window, cron, timezone, ran, now, way) => {
      const job = someJob({
        timezone,
        window,
        expectBy: '09:00',
        schedule: cron === undefined ? undefined : { cron, timezone, jitter: 0 },
        sources: [someSource({ history: { amount: 20, unit: 'day' } })],
      });
      const world = new World(job, sixty);
      world.run(Math.min(ran, now));
      const until = statusUntil(job, now);
      const later = now + Math.floor((until - now) * way);
      expect(until).toBeGreaterThan(now);
      expect(jobStatus(job, later, world.read())).toEqual(jobStatus(job, now, world.read()));
    }),
    { numRuns: 150 },
  );
});
