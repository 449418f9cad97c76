import { expect, test } from 'vitest';
import { planJob, type Wish } from '../../src/core/plan.ts';
import type { TableState } from '../../src/core/words.ts';
import type { Cause } from '../../src/daemon/daemon-events.ts';
import { shareOf } from '../../src/daemon/share.ts';
import { someJob, someTable } from '../core/some-job.ts';
import { World } from '../core/world.ts';

const NOW = Date.parse('2026-03-11T10:00:00Z');
const TICK: Wish = { kind: 'tick' };
/** Two days that people wait for, and eight of history. */
const job = someJob({ window: { lookback: 2, begin: '2026-03-01' } });

/** The table once those two days are in. */
function begun(): TableState {
  const world = new World(someJob({ window: { lookback: 2 } }), () => 3);
  world.run(NOW);
  return world.read();
}

/** What runs of a plan: how many periods, at which place, and whether history is to follow. */
function shared(table: TableState, why: Cause, wish = TICK, its = job) {
  const plans = its.sources.map((source) => planJob(its, source, NOW, table, wish));
  const states = new Map([[its.name, table]]);
  const share = shareOf({ now: NOW, plans, states, unplanned: [], orphans: [] }, why);
  if (share === undefined) return undefined;
  const periods = share.planning.plans.reduce((sum, plan) => sum + plan.periods.length, 0);
  return { periods, urgency: share.urgency, leavesHistory: share.leavesHistory };
}

test('what people wait for runs by itself; history follows', () => {
  expect(shared(begun(), 'tick')).toEqual({ periods: 2, urgency: 'awaited', leavesHistory: true });
});

test('what was left over is history alone', () => {
  expect(shared(begun(), 'rest')).toEqual({ periods: 8, urgency: 'history', leavesHistory: false });
  const settled = someJob({ window: { lookback: 2 } });
  expect(shared(begun(), 'rest', TICK, settled)).toBeUndefined();
});

test('a source that brought nothing yet is asked for all at once, so that a year of empty days shows', () => {
  expect(shared(someTable(), 'tick')).toEqual({ periods: 10, urgency: 'history', leavesHistory: false });
  expect(shared(someTable(), 'rest')).toEqual({ periods: 10, urgency: 'history', leavesHistory: false });
});

test('what a person wishes is not divided', () => {
  const wish: Wish = { kind: 'run', from: undefined, to: undefined, acceptHeld: false };
  expect(shared(begun(), 'person', wish)).toEqual({ periods: 10, urgency: 'awaited', leavesHistory: false });
});

test('nothing due is nothing to run, and a refused plan runs to be told', () => {
  expect(shared(begun(), 'start', { kind: 'start' }, someJob({ window: { lookback: 2 } }))).toBeUndefined();
  const models = { dataType: 'models', groupBy: undefined } as const;
  const another = someTable({ holds: { report: models, grain: 'day', span: 1, timezones: new Map() } });
  expect(shared(another, 'tick')).toEqual({ periods: 0, urgency: 'awaited', leavesHistory: false });
});
