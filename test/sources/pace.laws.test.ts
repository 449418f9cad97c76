import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Urgency } from '../../src/core/words.ts';
import { createPace } from '../../src/sources/pace.ts';
import { cases } from '../faults/rounds.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** How one request goes: asked for when, how long to connect and to be answered, and whether with a 429. */
const request = fc.record({
  at: fc.integer({ min: 0, max: 5000 }),
  urgency: fc.constantFrom<Urgency>('awaited', 'history'),
  connect: fc.integer({ min: 0, max: 300 }),
  answer: fc.integer({ min: 0, max: 1500 }),
  refused: fc.option(fc.integer({ min: 100, max: 3000 }), { nil: undefined, freq: 12 }),
  gives: fc.constantFrom('answer', 'answer', 'answer', 'no connection'),
});

test('at most the rate leaves in any window, history at most 80 % of it, so many at once, nothing while braked, and all get through', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 6 }),
      fc.array(request, { maxLength: 40 }),
      async (most, concurrency, plan) => {
        const window = 1000;
        const pace = createPace({ rate: { requests: most, window }, concurrency });
        const left: { at: number; urgency: Urgency }[] = [];
        const brakes: { from: number; to: number }[] = [];
        let underWay = 0;
        let busiest = 0;
        let done = 0;
        const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
        const going = plan.map(async ({ at, urgency, connect, answer, refused, gives }) => {
          await pause(at);
          for (;;) {
            using turn = await pace.turn(urgency, new AbortController().signal);
            underWay += 1;
            busiest = Math.max(busiest, underWay);
            await pause(connect);
            if (gives === 'no connection') break;
            if (!turn.leaves()) {
              underWay -= 1;
              continue;
            }
            left.push({ at: performance.now(), urgency });
            await pause(answer);
            const now = performance.now();
            if (refused === undefined) turn.succeeded();
            else brakes.push({ from: now, to: now + turn.slowed(refused) });
            break;
          }
          underWay -= 1;
          done += 1;
        });
        await vi.advanceTimersByTimeAsync(600_000);
        await Promise.all(going);

        expect(done).toBe(plan.length);
        expect(busiest).toBeLessThanOrEqual(concurrency);
        for (const { at } of left) {
          const inWindow = left.filter((other) => other.at > at - window && other.at <= at);
          expect(inWindow.length).toBeLessThanOrEqual(most);
          const history = inWindow.filter(({ urgency }) => urgency === 'history');
          expect(history.length).toBeLessThanOrEqual(Math.max(1, Math.floor(most * 0.8)));
          // At the very instant of a 429 one may still leave before it is told.
          expect(brakes.filter(({ from, to }) => at > from && at < to)).toEqual([]);
        }
      },
    ),
    { numRuns: cases(150) },
  );
});
