import { describe, expect, test } from 'vitest';
import { detailFrom, planJob, type Wish } from '../../src/core/plan.ts';
import { ticksBetween } from '../../src/core/schedule.ts';
import { stateOf } from '../../src/core/table-state.ts';
import type { Instant, Job, Plan, TableState } from '../../src/core/words.ts';
import { DAY, HOUR, someJob, someSource, someTable } from './some-job.ts';
import { World } from './world.ts';

const at = (text: string): Instant => Date.parse(text);
const tick: Wish = { kind: 'tick' };
const everyMorning = { cron: '15 6 * * *', timezone: 'Europe/Berlin', jitter: 0 };
const berlin = { timezone: 'Europe/Berlin', schedule: everyMorning };
const sixty = (): number => 60;

function planned(job: Job, now: string, table: Partial<TableState> = {}, wish: Wish = tick): Plan {
  const [source = someSource()] = job.sources;
  return planJob(job, source, at(now), someTable(table), wish);
}

function codes(plan: Plan): string[] {
  return plan.warnings.map(({ code }) => code);
}

/** Ticks of a job's schedule, as a daemon sees them that looks every 15 s. */
function ticks(job: Job, from: string, to: string): Instant[] {
  return job.schedule === undefined ? [] : ticksBetween(job.schedule, at(from), at(to));
}

function dates(world: World): string[] {
  return world.entries.filter(({ outcome }) => outcome === 'loaded').map(({ periodDate }) => periodDate);
}

describe('time goes on, whatever the clock does', () => {
  test.each([
    [
      'spring',
      '2026-03-26T12:00:00Z',
      '2026-03-31T12:00:00Z',
      ['26', '27', '28', '29', '30'].map((d) => `2026-03-${d}`),
    ],
    ['autumn', '2026-10-23T12:00:00Z', '2026-10-27T12:00:00Z', ['23', '24', '25', '26'].map((d) => `2026-10-${d}`)],
    [
      'the leap day',
      '2028-02-27T12:00:00Z',
      '2028-03-02T12:00:00Z',
      ['2028-02-27', '2028-02-28', '2028-02-29', '2028-03-01'],
    ],
    ['the end of a year', '2026-12-30T12:00:00Z', '2027-01-02T12:00:00Z', ['2026-12-30', '2026-12-31', '2027-01-01']],
  ])('every day over %s is asked for exactly once by a daily tick (reliability 18)', (_, from, to, expected) => {
    const world = new World(someJob(berlin), sixty);
    for (const now of ticks(world.job, from, to)) world.run(now);
    expect(dates(world)).toEqual(expected);
    expect(world.requests).toHaveLength(expected.length);
  });

  test('ticks slept through are one plan, and every day is there afterwards (reliability 18)', () => {
    const world = new World(someJob(berlin), sixty);
    world.run(at('2026-11-20T05:15:00Z'));
    world.run(at('2026-11-24T09:00:00Z'));
    expect(dates(world).toSorted()).toEqual(['19', '20', '21', '22', '23'].map((day) => `2026-11-${day}`));
    expect(world.requests).toHaveLength(5);
  });

  test('a clock that jumps forward an hour and back again closes no hour too early and loses none (reliability 18)', () => {
    const world = new World(someJob({ window: { grain: 'hour', delay: 0 } }), (period, now) =>
      now < period.end ? 1 : 60,
    );
    const start = at('2026-11-25T10:07:00Z');
    for (const shift of [0, 2 * HOUR, HOUR, 3 * HOUR, 2 * HOUR, 4 * HOUR]) world.run(start + shift);
    const table = world.read();
    const hours = [...table.states.keys()]
      .toSorted()
      .map((key) => key.slice('acme/users/2026-11-25T'.length, -4).slice(0, 2));
    expect(hours).toEqual(['09', '10', '11', '12', '13']);
    expect(table.states.values().every(({ closed, rows }) => closed && rows === 60)).toBe(true);
    expect(dates(world)).toHaveLength(5);
  });

  test('a request that leaves before a period closes and is answered after it leaves the period provisional (reliability 18)', () => {
    const job = someJob({ window: { includeOpen: true, delay: 0 } });
    const slow = new World(job, sixty, 2000);
    slow.run(at('2026-11-24T23:59:59.000Z'));
    const key = 'acme/users/2026-11-24/2026-11-25@UTC';
    expect(stateOf(slow.read(), key)).toMatchObject({ closed: false, settled: false });
    const next = slow.plan(at('2026-11-25T00:00:10Z')).periods;
    expect(next.find(({ period }) => period.key === key)?.reason).toBe('provisional');
  });
});

describe('five days down', () => {
  test('with lookback 1, every day is loaded and settled after one plan (reliability 25)', () => {
    const world = new World(someJob(berlin), sixty);
    for (const now of ticks(world.job, '2026-11-10T00:00:00Z', '2026-11-15T12:00:00Z')) world.run(now);
    world.run(at('2026-11-20T06:00:00Z'));
    expect(dates(world).toSorted()).toEqual(
      Array.from({ length: 11 }, (_, n) => `2026-11-${n + 9 < 10 ? '0' : ''}${n + 9}`),
    );
    expect(
      world
        .read()
        .states.values()
        .every(({ settled }) => settled),
    ).toBe(true);
  });

  test('with month to date, the month that ended meanwhile is closed by one plan (reliability 25)', () => {
    const job = someJob({ ...berlin, window: { grain: 'month', includeOpen: true } });
    const world = new World(job, (period, now) => Math.min(60, Math.floor((now - period.start) / DAY) + 1));
    for (const now of ticks(job, '2026-11-01T00:00:00Z', '2026-11-28T12:00:00Z')) world.run(now);
    world.run(at('2026-12-03T05:15:00Z'));
    const table = world.read();
    expect(stateOf(table, 'acme/users/2026-11-01/2026-12-01@Europe/Berlin')).toMatchObject({ closed: true, rows: 33 });
    expect(stateOf(table, 'acme/users/2026-12-01/2027-01-01@Europe/Berlin')).toMatchObject({ closed: false, rows: 3 });
  });

  test('raising the lookback later exports nothing old again', () => {
    const world = new World(someJob(berlin), sixty);
    for (const now of ticks(world.job, '2026-11-10T00:00:00Z', '2026-11-20T12:00:00Z')) world.run(now);
    const job = someJob({ ...berlin, window: { lookback: 3 } });
    const plan = planJob(job, someSource(), at('2026-11-21T05:15:00Z'), world.read(), tick);
    expect(plan.periods.map(({ period, reason }) => `${period.date} ${reason}`)).toEqual([
      '2026-11-20 missing',
      '2026-11-19 lookback',
      '2026-11-18 lookback',
    ]);
  });
});

describe('the forecast', () => {
  const year = { window: { begin: '2025-11-25' } };

  test('is bound by answers where they are slow: 365 exports of 30 s, 8 at once, are about 23 min', () => {
    const { forecast } = planned(someJob(year), '2026-11-25T05:15:00Z');
    expect(forecast).toEqual({ requests: 365, duration: (365 * 30_000) / 8, concurrency: 8 });
  });

  test('takes the answer time that the source had lately', () => {
    const { forecast } = planned(someJob(year), '2026-11-25T05:15:00Z', { answerMs: new Map([['acme', 8000]]) });
    expect(forecast.duration).toBe(365 * 1000);
  });

  test('is bound by the rate where that is low, and leaves a fifth of it free beside history', () => {
    const source = someSource({ rate: { requests: 10, window: 60_000 }, typicalAnswer: 10 });
    const { forecast } = planned(someJob({ ...year, sources: [source] }), '2026-11-25T05:15:00Z');
    expect(forecast.duration).toBe(60_000 * (1 / 10 + 364 / 8));
  });
});

describe('warnings', () => {
  test('a job whose timezone nobody wrote is told which it has, once for all its sources', () => {
    const sources = [someSource(), someSource({ name: 'beta', key: 'beta' })];
    const job = someJob({ timezoneWritten: false, sources });
    const all = sources.flatMap(
      (source) => planJob(job, source, at('2026-11-25T05:15:00Z'), someTable(), tick).warnings,
    );
    expect(all.filter(({ code }) => code === 'TIMEZONE_DEFAULT').map(({ message }) => message)).toEqual([
      'job users_daily names no timezone: its periods are those of UTC',
    ]);
  });

  test.each([
    ['Asia/Kolkata', true],
    ['Europe/Berlin', false],
  ])('hours in %s: told that they are hours of UTC: %s', (timezone, told) => {
    const job = someJob({ timezone, window: { grain: 'hour' } });
    expect(codes(planned(job, '2026-11-25T05:15:00Z')).includes('HOURS_IN_UTC')).toBe(told);
  });

  test.each([
    ['day', 1, 2, 'lookback: 2'],
    ['day', 1, 24, undefined],
    ['day', 2, 2, undefined],
    ['hour', 3, 2, 'lookback: 23'],
    ['hour', 23, 2, undefined],
    ['month', undefined, 2, 'lookback: 2'],
  ] as const)(
    'grain %s, lookback %s, delay %s h: late usage is warned about with %s',
    (grain, lookback, delay, advice) => {
      const job = someJob({ window: { grain, lookback, delay: delay * HOUR } });
      const warning = planned(job, '2026-11-25T05:15:00Z').warnings.find(({ code }) => code === 'LATE_USAGE');
      if (advice === undefined) expect(warning).toBeUndefined();
      else expect(warning?.message).toContain(advice);
    },
  );

  test.each([
    ['bigquery', 'day', '1995-01-01', '11287 daily partitions of table users_daily, and a table takes 10000'],
    ['bigquery', 'hour', '1995-01-01', '11287 daily partitions'],
    ['bigquery', 'day', '2014-01-01', undefined],
    ['bigquery', 'week', '1995-01-01', undefined],
    ['bigquery', 'month', '1900-01-01', undefined],
    ['duckdb', 'day', '1995-01-01', undefined],
  ] as const)(
    'into %s by %s since %s: more partitions than a table takes are warned about (case d09)',
    (warehouse, grain, begin, told) => {
      const { table } = someJob();
      const job = someJob({ window: { grain, begin }, table: { ...table, warehouse } });
      const warning = planned(job, '2025-11-25T05:15:00Z').warnings.find(({ code }) => code === 'TOO_MANY_PARTITIONS');
      if (told === undefined) expect(warning).toBeUndefined();
      else expect(warning?.message).toContain(told);
    },
  );

  test('a period that lost rows is no longer whole, and is named', () => {
    const world = new World(someJob(), sixty);
    world.run(at('2026-11-24T05:15:00Z'));
    world.run(at('2026-11-25T05:15:00Z'));
    const table = world.read();
    const present = new Map([...table.present, ['acme/users/2026-11-24/2026-11-25@UTC', 7]]);
    const plan = planJob(world.job, someSource(), at('2026-11-25T06:15:00Z'), { ...table, rows: 67, present }, tick);
    expect(plan.warnings.find(({ code }) => code === 'ROWS_DIFFER')?.message).toBe(
      'table users_daily holds 67 rows where the ledger says 120, 1 period not whole, e.g. ' +
        'acme/users/2026-11-24/2026-11-25@UTC: something else changed it; exportd backfill users_daily --all loads its periods again',
    );
  });

  test('another exportd that writes to the table is named', () => {
    const plan = planned(someJob(), '2026-11-25T05:15:00Z', { instances: ['web-1/0a1b2c3d'] });
    expect(plan.warnings.find(({ code }) => code === 'OTHER_INSTANCES')?.message).toContain('web-1/0a1b2c3d');
  });

  test('no message names a command that does not exist', () => {
    const world = new World(someJob({ window: { begin: '2026-01-01' } }), sixty);
    world.run(at('2026-11-25T05:15:00Z'));
    const table = { ...world.read(), rows: 1, instances: ['web-1/0a1b2c3d'] };
    const { warnings } = planned(someJob({ timezoneWritten: false }), '2026-11-25T06:15:00Z', table);
    expect(warnings.map(({ message }) => message).join('\n')).not.toMatch(/exportd (verify|history|forget)/);
  });
});

describe('what is read of a table for a plan', () => {
  const now = at('2026-11-25T05:15:00Z');

  test('a tick compares the newest lookback periods', () => {
    expect(detailFrom(someJob({ window: { lookback: 3 } }), now, tick)).toBe('2026-11-22');
  });

  test('a run with dates compares from the first of them on', () => {
    expect(detailFrom(someJob(), now, { kind: 'run', from: '2026-01-05', to: undefined, acceptHeld: false })).toBe(
      '2026-01-05',
    );
  });

  test('a backfill of everything compares from begin on, or everything', () => {
    const all: Wish = { kind: 'backfill', from: undefined, to: undefined, which: 'all' };
    expect(detailFrom(someJob({ window: { begin: '2026-02-01' } }), now, all)).toBe('2026-02-01');
    expect(detailFrom(someJob(), now, all)).toBe('1970-01-01');
  });

  test('holes have nothing to compare', () => {
    expect(
      detailFrom(someJob(), now, { kind: 'backfill', from: undefined, to: undefined, which: 'missing' }),
    ).toBeUndefined();
  });
});

describe('asking no more than is needed', () => {
  test('a job that looks every five minutes fills no ledger: what alters nothing is written once a day', () => {
    const world = new World(someJob(), sixty);
    for (let now = at('2026-11-24T03:00:00Z'); now < at('2026-11-24T23:00:00Z'); now += HOUR / 12) world.run(now);
    expect(world.entries.map(({ outcome }) => outcome)).toEqual(['loaded']);
  });

  test('a held period costs one request and one note a local day', () => {
    const world = new World(someJob({ timezone: 'Europe/Berlin' }), (_, now) =>
      now < at('2026-11-24T04:00:00Z') ? 60 : 1,
    );
    world.run(at('2026-11-24T03:00:00Z'));
    for (let now = at('2026-11-24T05:00:00Z'); now < at('2026-11-24T22:30:00Z'); now += HOUR) world.run(now);
    expect(world.entries.map(({ outcome }) => outcome)).toEqual(['loaded', 'held']);
    expect(world.requests).toHaveLength(2);
  });

  test('a run with --accept-held lets in what was held', () => {
    const world = new World(someJob(), (_, now) => (now < at('2026-11-24T04:00:00Z') ? 60 : 1));
    world.run(at('2026-11-24T03:00:00Z'));
    world.run(at('2026-11-24T05:00:00Z'));
    world.run(at('2026-11-24T06:00:00Z'), { kind: 'run', from: undefined, to: undefined, acceptHeld: true });
    expect(world.entries.map(({ outcome, rowCount }) => `${outcome} ${rowCount}`)).toEqual([
      'loaded 60',
      'held 1',
      'loaded 1',
    ]);
  });

  test('a first run that finds nothing at all is held whole, and says where to look (reliability 10)', () => {
    const world = new World(someJob({ window: { begin: '2026-01-01' } }), () => 0);
    world.run(at('2026-11-25T05:15:00Z'));
    expect(world.entries).toHaveLength(328);
    expect(new Set(world.entries.map(({ outcome, errorCode }) => `${outcome} ${errorCode}`))).toEqual(
      new Set(['held ALL_EMPTY']),
    );
    expect(world.plan(at('2026-11-25T06:15:00Z')).periods).toEqual([]);
  });
});

test('a thousand jobs of a year on a full ledger are planned in under 1.5 s of CPU', () => {
  const job = someJob({ timezone: 'Europe/Berlin', window: { lookback: 3, begin: '2025-11-25' } });
  const world = new World(job, sixty);
  const now = at('2026-11-25T05:15:00Z');
  world.run(now);
  const table = world.read();
  const before = process.cpuUsage();
  let due = 0;
  for (let n = 0; n < 1000; n += 1) due += planJob(job, someSource(), now, table, tick).periods.length;
  const { user, system } = process.cpuUsage(before);
  expect(due).toBe(3000);
  expect((user + system) / 1e6).toBeLessThan(1.5);
});
