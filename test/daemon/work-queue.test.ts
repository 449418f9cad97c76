import { expect, test } from 'vitest';
import type { Wish } from '../../src/core/plan.ts';
import type { Cause } from '../../src/daemon/daemon-events.ts';
import { type MayPlan, type Queued, WorkQueue } from '../../src/daemon/work-queue.ts';

const entry = (job: string, why: Cause, more: Partial<Queued> = {}): Queued => ({
  job,
  source: 'acme',
  destination: 'local',
  table: `local ${job}`,
  why,
  tick: undefined,
  wish: { kind: why === 'tick' ? 'tick' : 'start' },
  wishedAt: 0,
  ...more,
});
const person: Wish = { kind: 'backfill', from: '2026-01-01', to: undefined, which: 'all' };
const anything: MayPlan = () => true;

/** The names of what is taken now. */
function take(queue: WorkQueue, mayPlan = anything, most = 100): string[] {
  return queue.take(mayPlan, most).map(({ job }) => job);
}

test('a job in hand is not taken again before it is done: it never overlaps itself', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick'));
  expect(take(queue)).toEqual(['a']);
  queue.add(entry('a', 'tick'));
  expect(take(queue)).toEqual([]);
  queue.done('a');
  expect(take(queue)).toEqual(['a']);
  queue.done('a');
  expect(take(queue)).toEqual([]);
});

test('jobs of one table are taken together, or one waits for the other', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick', { table: 't' }));
  queue.add(entry('b', 'tick', { table: 't' }));
  expect(take(queue)).toEqual(['a', 'b']);
  queue.add(entry('c', 'tick', { table: 't' }));
  expect(take(queue)).toEqual([]);
  queue.done('a');
  expect(take(queue)).toEqual([]);
  queue.done('b');
  expect(take(queue)).toEqual(['c']);
});

test('what is left over goes after everything else', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'rest'));
  queue.add(entry('b', 'start'));
  expect(take(queue)).toEqual(['b']);
  expect(take(queue)).toEqual(['a']);
});

test('a tick takes the place of a start that still waits, and a start never that of a tick', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'start'));
  queue.add(entry('a', 'tick'));
  queue.add(entry('a', 'reload'));
  expect(queue.take(anything, 100)).toMatchObject([{ job: 'a', why: 'tick' }]);
});

test('what a person wishes takes no tick away, and is done once however often it is wished', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'person', { wish: person }));
  queue.add(entry('a', 'tick'));
  queue.add(entry('a', 'person', { wish: { ...person } }));
  for (const why of ['person', 'tick']) {
    expect(queue.take(anything, 100)).toMatchObject([{ job: 'a', why }]);
    queue.done('a');
  }
  expect(take(queue)).toEqual([]);
});

test('what is taken has one destination and one wish, so that one read plans it', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick'));
  queue.add(entry('b', 'start'));
  queue.add(entry('c', 'tick', { destination: 'other' }));
  queue.add(entry('d', 'tick'));
  expect(take(queue)).toEqual(['a', 'd']);
  expect(take(queue)).toEqual(['b']);
  expect(take(queue)).toEqual(['c']);
});

test('a destination that may not be planned now keeps its jobs waiting, and no others', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick', { destination: 'slow' }));
  queue.add(entry('b', 'tick'));
  expect(take(queue, (destination) => destination !== 'slow')).toEqual(['b']);
  expect(take(queue)).toEqual(['a']);
});

test('no more are taken than may be, and the others next', () => {
  const queue = new WorkQueue();
  for (const job of ['a', 'b', 'c']) queue.add(entry(job, 'tick'));
  expect(take(queue, anything, 2)).toEqual(['a', 'b']);
  expect(take(queue, anything, 2)).toEqual(['c']);
});

test('where there is too much for one read, sources take turns', () => {
  const queue = new WorkQueue();
  for (const job of ['a', 'b', 'c']) queue.add(entry(job, 'tick'));
  queue.add(entry('d', 'tick', { source: 'beta' }));
  expect(take(queue, anything, 2)).toEqual(['a', 'd']);
  expect(take(queue, anything, 2)).toEqual(['b', 'c']);
});

test('what waits is given up at once, and told', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick'));
  queue.add(entry('b', 'tick'));
  expect(queue.clear().map(({ job }) => job)).toEqual(['a', 'b']);
  expect(take(queue)).toEqual([]);
});

test('a job that is to write elsewhere now waits for its run on the old table', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick', { table: 'old' }));
  take(queue);
  queue.add(entry('a', 'reload', { table: 'new' }));
  expect(take(queue)).toEqual([]);
  queue.done('a');
  expect(queue.take(anything, 100)).toMatchObject([{ table: 'new' }]);
});
