import { expect, test } from 'vitest';
import type { Cause } from '../../src/daemon/daemon-events.ts';
import { type Queued, WorkQueue } from '../../src/daemon/work-queue.ts';

const entry = (job: string, why: Cause, more: Partial<Queued> = {}): Queued => ({
  job,
  table: job,
  why,
  tick: undefined,
  wish: { kind: why === 'tick' ? 'tick' : 'start' },
  ...more,
});
const jobs = (taken: readonly Queued[]) => taken.map(({ job }) => job);

test('a job in hand is not taken again before it is done: it never overlaps itself', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick'));
  expect(jobs(queue.take())).toEqual(['a']);
  queue.add(entry('a', 'tick'));
  expect(queue.take()).toEqual([]);
  queue.done('a');
  expect(jobs(queue.take())).toEqual(['a']);
  queue.done('a');
  expect(queue.isIdle).toBe(true);
});

test('jobs of one table are taken together, or one waits for the other', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick', { table: 't' }));
  queue.add(entry('b', 'tick', { table: 't' }));
  expect(jobs(queue.take())).toEqual(['a', 'b']);
  queue.add(entry('c', 'tick', { table: 't' }));
  expect(queue.take()).toEqual([]);
  queue.done('a');
  expect(queue.take()).toEqual([]);
  queue.done('b');
  expect(jobs(queue.take())).toEqual(['c']);
});

test('what a bounded plan left over goes after everything else', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'rest'));
  queue.add(entry('b', 'start'));
  expect(jobs(queue.take())).toEqual(['b']);
  expect(jobs(queue.take())).toEqual(['a']);
});

test('a tick takes the place of a start that still waits, and a start never that of a tick', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'start'));
  queue.add(entry('a', 'tick'));
  queue.add(entry('a', 'reload'));
  expect(queue.take()).toMatchObject([{ job: 'a', why: 'tick' }]);
});

test('what is taken has one wish', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick'));
  queue.add(entry('b', 'start'));
  queue.add(entry('c', 'tick'));
  expect(jobs(queue.take())).toEqual(['a', 'c']);
  expect(jobs(queue.take())).toEqual(['b']);
});

test('what waits is given up at once, and told', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick'));
  queue.add(entry('b', 'tick'));
  expect(jobs(queue.clear())).toEqual(['a', 'b']);
  expect(queue.isIdle).toBe(true);
});

test('what a person wishes takes no place of the schedule, nor of another wish', () => {
  const queue = new WorkQueue();
  const of = (from: string): Partial<Queued> => ({ wish: { kind: 'run', from, to: from, acceptHeld: false } });
  queue.add(entry('a', 'tick'));
  queue.add(entry('a', 'person', of('2026-11-01')));
  queue.add(entry('a', 'person', of('2026-11-02')));
  queue.add(entry('a', 'person', of('2026-11-02')));
  const wishes = [];
  for (let taken = queue.take(); taken.length > 0; taken = queue.take()) {
    wishes.push(...taken.map(({ why, wish }) => `${why} ${'from' in wish ? wish.from : ''}`));
    queue.done('a');
  }
  expect(wishes).toEqual(['tick ', 'person 2026-11-01', 'person 2026-11-02']);
});

test('a job that is to write elsewhere now waits for its run on the old table', () => {
  const queue = new WorkQueue();
  queue.add(entry('a', 'tick', { table: 'old' }));
  queue.take();
  queue.add(entry('a', 'reload', { table: 'new' }));
  expect(queue.take()).toEqual([]);
  queue.done('a');
  expect(queue.take()).toMatchObject([{ table: 'new' }]);
});
