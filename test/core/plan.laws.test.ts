import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { edgeOf } from '../../src/core/retention.ts';
import { stateOf } from '../../src/core/table-state.ts';
import { wantedPeriods } from '../../src/core/wanted.ts';
import type { Grain, Instant, Job, Period } from '../../src/core/words.ts';
import { cases } from '../faults/rounds.ts';
import { DAY, HOUR, someJob, someSource } from './some-job.ts';
import { type Answers, World } from './world.ts';

const START = Date.parse('2026-02-20T00:00:00Z');

const stretch: Readonly<Record<'hour' | 'day' | 'month', number>> = { hour: 4 * DAY, day: 45 * DAY, month: 200 * DAY };

/** A job, and what happens to it: ticks and starts at any time, outages, late usage, glitches that are held. */
const stories = fc.constantFrom<'hour' | 'day' | 'month'>('hour', 'day', 'month').chain((grain) =>
  fc.record({
    job: jobs(grain),
    moments: fc.array(
      fc.record({ after: fc.integer({ min: 0, max: stretch[grain] }), kind: fc.constantFrom('tick', 'tick', 'start') }),
      { minLength: 1, maxLength: 25 },
    ),
    outages: fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: stretch[grain] }),
        length: fc.integer({ min: 0, max: stretch[grain] / 4 }),
      }),
      { maxLength: 3 },
    ),
    end: fc.integer({ min: 0, max: 3 * DAY }),
    seed: fc.nat(),
  }),
);

function jobs(grain: Grain): fc.Arbitrary<Job> {
  return fc
    .record({
      timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Africa/Cairo', 'Atlantic/Azores'),
      lookback: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      span: fc.constantFrom(1, 1, 3),
      delay: fc.constantFrom(0, HOUR, 2 * HOUR, 30 * HOUR),
      includeOpen: fc.boolean(),
      begin: fc.option(fc.constantFrom('2026-02-01', '2026-02-21', '2026-03-10'), { nil: undefined }),
      history: fc.option(fc.constantFrom(20, 40), { nil: undefined }),
      maxPeriodsPerRun: fc.constantFrom(3, 500),
    })
    .map(({ timezone, lookback, span, delay, includeOpen, begin, history, maxPeriodsPerRun }) =>
      someJob({
        timezone,
        maxPeriodsPerRun,
        sources: [someSource({ history: history === undefined ? undefined : { amount: history, unit: 'day' } })],
        window: { grain, lookback, span, delay, includeOpen, begin },
      }),
    );
}

/** Some periods are empty, usage comes up to a day late, and now and then an answer is short or empty by mistake. */
function answersOf(seed: number, isDown: (at: Instant) => boolean): Answers {
  return (period, at) => {
    if (isDown(at)) return 'down';
    const dice = mixed(seed, period.start);
    if (dice % 5 === 0) return 0;
    if (mixed(seed + 1, at) % 11 === 0) return 0;
    if (mixed(seed + 2, at) % 13 === 0) return 1;
    return at < period.end + (dice % 24) * HOUR ? 50 : 60;
  };
}

function mixed(a: number, b: number): number {
  return Math.abs(Math.imul(a ^ Math.floor(b / HOUR), 2_654_435_761) >> 7);
}

type Story = typeof stories extends fc.Arbitrary<infer T> ? T : never;

/** Lives through a story; afterwards the daemon has run again against a source and a warehouse that answer. */
function live({ job, moments, outages, end, seed }: Story): { readonly world: World; readonly now: Instant } {
  const isDown = (at: Instant): boolean =>
    outages.some(({ from, length }) => at >= START + from && at < START + from + length);
  const last = Math.max(...moments.map(({ after }) => after), ...outages.map(({ from, length }) => from + length));
  const world = new World(job, answersOf(seed, isDown));
  for (const { after, kind } of moments.toSorted((a, b) => a.after - b.after)) {
    world.run(START + after, kind === 'start' ? { kind: 'start' } : { kind: 'tick' });
  }
  const now = START + last + end;
  world.run(now);
  // Without `begin`, a period that was held when nothing was loaded yet, and now came through, moves back what is wanted.
  world.run(now);
  return { world, now };
}

/** Wanted, closed, and inside retention. */
function wanted(world: World, now: Instant): Period[] {
  const [source = someSource()] = world.job.sources;
  return wantedPeriods(world.job, source, now, world.read()).closed.filter(({ start }) => start >= edgeOf(source, now));
}

describe('laws of the plan', () => {
  test('whatever was missed, every wanted period settles once the daemon has run again', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { world, now } = live(story);
        const table = world.read();
        const [source = someSource()] = world.job.sources;
        const { lookbackStart } = wantedPeriods(world.job, source, now, table);
        const open = wanted(world, now).filter((period) => {
          const state = stateOf(table, period.key);
          const isYoung = state?.outcome === 'empty' && state.closed && now < period.end + DAY;
          const isLookback = period.start >= lookbackStart && state?.outcome !== undefined && state.closed;
          return !(state?.settled === true || isLookback || state?.held !== undefined || isYoung);
        });
        expect(open.map(({ key }) => key)).toEqual([]);
      }),
      { numRuns: cases(200) },
    );
  });

  test('a plan of an up-to-date ledger holds only lookback and open', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { world, now } = live(story);
        const reasons = world.plan(now).periods.map(({ reason }) => reason);
        expect(reasons.filter((reason) => reason !== 'lookback' && reason !== 'open')).toEqual([]);
        expect(world.plan(now, { kind: 'start' }).periods).toEqual([]);
      }),
      { numRuns: cases(100) },
    );
  });

  test('no plan asks twice for one period, and none for a period that the source keeps in part', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { world, now } = live(story);
        const [source = someSource()] = world.job.sources;
        for (const at of [START, now, now + 20 * DAY]) {
          const { periods } = world.plan(at);
          expect(new Set(periods.map(({ period }) => period.key)).size).toBe(periods.length);
          expect(periods.filter(({ period }) => period.start < edgeOf(source, at))).toEqual([]);
        }
      }),
      { numRuns: cases(40) },
    );
  });

  test('the same job, clock and ledger give the same plan', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { world, now } = live(story);
        expect(world.plan(now + DAY)).toEqual(world.plan(now + DAY));
      }),
      { numRuns: cases(25) },
    );
  });

  test('a daemon that only ever starts catches up like one that ticks, lookback and open periods apart', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const { world, now } = live({
          ...story,
          moments: story.moments.map((moment) => ({ ...moment, kind: 'start' })),
        });
        const table = world.read();
        const missing = wanted(world, now).filter(({ key }) => {
          const state = stateOf(table, key);
          return state?.outcome === undefined && state?.held === undefined;
        });
        expect(missing).toEqual([]);
      }),
      { numRuns: cases(25) },
    );
  });
});
