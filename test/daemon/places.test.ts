import { expect, test } from 'vitest';
import { planJob } from '../../src/core/plan.ts';
import type { Urgency } from '../../src/core/words.ts';
import { Places, type Planned } from '../../src/daemon/places.ts';
import { someJob, someSource, someTable } from '../core/some-job.ts';

function planned(name: string, urgency: Urgency = 'awaited', source = 'acme'): Planned {
  const job = someJob({ name, sources: [someSource({ name: source })] });
  const plans = job.sources.map((its) => planJob(job, its, 0, someTable(), { kind: 'tick' }));
  const planning = { now: 0, plans, states: new Map(), unplanned: [], orphans: [] };
  const wish = { kind: 'tick' } as const;
  const entry = { job: name, source, destination: 'local', table: name, tick: undefined, wish, wishedAt: 0 } as const;
  return { planning, urgency, leavesHistory: false, entries: [{ ...entry, why: 'tick' }] };
}

/** Who is given a place, one after the other, while there are some. */
function given(places: Places, count: number): string[] {
  const names: string[] = [];
  for (let next = places.give(count); next !== undefined; next = places.give(count)) {
    names.push(...next.entries.map(({ job }) => job));
  }
  return names;
}

test('no more are given a place than there are, in the order in which they came', () => {
  const places = new Places();
  for (const name of ['a', 'b', 'c']) places.add(planned(name));
  const first = places.give(2);
  expect(given(places, 2)).toEqual(['b']);
  if (first !== undefined) places.leave(first);
  expect(given(places, 2)).toEqual(['c']);
});

test('history waits for what people wait for, and leaves it the last place', () => {
  const places = new Places();
  for (const name of ['h', 'i', 'k']) places.add(planned(name, 'history'));
  places.add(planned('a'));
  expect(given(places, 3)).toEqual(['a', 'h', 'i']);
  expect(places.waiting('history')).toBe(1);
  const lonely = new Places();
  lonely.add(planned('h', 'history'));
  expect(given(lonely, 1)).toEqual(['h']);
});

test('of several sources each has as many as the others', () => {
  const places = new Places();
  for (const name of ['a', 'b', 'c']) places.add(planned(name));
  places.add(planned('d', 'awaited', 'beta'));
  expect(given(places, 2)).toEqual(['a', 'd']);
});

test('what is recalled is given no place', () => {
  const places = new Places();
  for (const name of ['a', 'b']) places.add(planned(name));
  expect(places.recall(({ entries }) => entries[0]?.job === 'a')).toHaveLength(1);
  expect(given(places, 4)).toEqual(['b']);
});
