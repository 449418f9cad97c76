import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Urgency } from '../../src/core/words.ts';
import { createPace, type Pace, type Turn } from '../../src/sources/pace.ts';

const never = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1 - Number.EPSILON);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Asks for turns, and writes down when each left. Answers come at once unless `answerAfter` says otherwise. */
function requests(pace: Pace, count: number, urgency: Urgency = 'awaited', answerAfter = 0): number[] {
  const left: number[] = [];
  for (let index = 0; index < count; index += 1) {
    void (async () => {
      using turn = await pace.turn(urgency, never);
      turn.leaves();
      left.push(performance.now());
      if (answerAfter > 0) await new Promise((resolve) => setTimeout(resolve, answerAfter));
      turn.succeeded();
    })();
  }
  return left;
}

async function leave(pace: Pace): Promise<Turn> {
  const turn = await pace.turn('awaited', never);
  turn.leaves();
  return turn;
}

describe('a pace', () => {
  test('lets the whole rate leave at once, and the next ones a window later: no smoothing', async () => {
    const left = requests(createPace({ rate: { requests: 5, window: 60_000 }, concurrency: 8 }), 12);
    const start = performance.now();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(left.map((at) => at - start)).toEqual([
      0, 0, 0, 0, 0, 60_000, 60_000, 60_000, 60_000, 60_000, 120_000, 120_000,
    ]);
  });

  test('leaves a fifth of the rate to what people wait for', async () => {
    const pace = createPace({ rate: { requests: 10, window: 60_000 }, concurrency: 20 });
    const history = requests(pace, 20, 'history');
    await vi.advanceTimersByTimeAsync(1000);
    expect(history).toHaveLength(8);
    const awaited = requests(pace, 5, 'awaited');
    await vi.advanceTimersByTimeAsync(0);
    expect(awaited).toHaveLength(2);
  });

  test('lets history have a rate of one', async () => {
    const history = requests(createPace({ rate: { requests: 1, window: 1000 }, concurrency: 1 }), 3, 'history');
    await vi.advanceTimersByTimeAsync(2000);
    expect(history).toHaveLength(3);
  });

  test('lets what people wait for go first', async () => {
    const pace = createPace({ rate: { requests: 1, window: 1000 }, concurrency: 1 });
    const order: string[] = [];
    for (const [name, urgency] of [
      ['h1', 'history'],
      ['h2', 'history'],
      ['a1', 'awaited'],
    ] as const) {
      void pace.turn(urgency, never).then((turn) => {
        turn.leaves();
        order.push(name);
        turn[Symbol.dispose]();
      });
    }
    await vi.advanceTimersByTimeAsync(5000);
    expect(order).toEqual(['h1', 'a1', 'h2']);
  });

  test('lets so many be under way at once', async () => {
    const left = requests(createPace({ rate: undefined, concurrency: 2 }), 6, 'awaited', 100);
    const start = performance.now();
    await vi.advanceTimersByTimeAsync(1000);
    expect(left.map((at) => at - start)).toEqual([0, 0, 100, 100, 200, 200]);
  });

  test('counts a request from when it leaves, not from when it was allowed to', async () => {
    const pace = createPace({ rate: { requests: 1, window: 1000 }, concurrency: 2 });
    const connecting = await pace.turn('awaited', never);
    const left = requests(pace, 1);
    const start = performance.now();
    await vi.advanceTimersByTimeAsync(500);
    connecting.leaves();
    await vi.advanceTimersByTimeAsync(2000);
    expect(left.map((at) => at - start)).toEqual([1500]);
  });

  test('counts nothing for a request that never left', async () => {
    const pace = createPace({ rate: { requests: 1, window: 60_000 }, concurrency: 1 });
    (await pace.turn('awaited', never))[Symbol.dispose]();
    const left = requests(pace, 1);
    await vi.advanceTimersByTimeAsync(0);
    expect(left).toHaveLength(1);
  });

  test('gives up waiting where the signal is aborted, and the others go on', async () => {
    const pace = createPace({ rate: { requests: 1, window: 1000 }, concurrency: 1 });
    requests(pace, 1);
    const stop = new AbortController();
    const waiting = pace.turn('awaited', stop.signal);
    const left = requests(pace, 1);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await expect(pace.turn('awaited', stop.signal)).rejects.toThrow('stopped');
    await vi.advanceTimersByTimeAsync(1000);
    expect(left).toHaveLength(1);
  });
});

describe('after a 429 (case c06)', () => {
  test('nothing leaves until Retry-After is over, then one at a time, one more for each success', async () => {
    const pace = createPace({ rate: undefined, concurrency: 8 });
    using refused = await leave(pace);
    const start = performance.now();
    expect(refused.slowed(2000)).toBe(2000);
    refused[Symbol.dispose]();
    const left = requests(pace, 12, 'awaited', 100);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(left.map((at) => at - start)).toEqual([
      2000, 2100, 2100, 2200, 2200, 2200, 2200, 2300, 2300, 2300, 2300, 2300,
    ]);
  });

  test('one that was allowed to leave and has not left yet is held back', async () => {
    const pace = createPace({ rate: undefined, concurrency: 2 });
    const connecting = await pace.turn('awaited', never);
    const refused = await leave(pace);
    refused.slowed(2000);
    expect(connecting.leaves()).toBe(false);
  });

  test('neighbours that were under way already say nothing of how the source is now', async () => {
    const pace = createPace({ rate: undefined, concurrency: 3 });
    const [first, second, third] = [await leave(pace), await leave(pace), await leave(pace)];
    first.slowed(2000);
    second.succeeded();
    third.succeeded();
    for (const turn of [first, second, third]) turn[Symbol.dispose]();
    const left = requests(pace, 3, 'awaited', 100);
    await vi.advanceTimersByTimeAsync(2050);
    expect(left).toHaveLength(1);
  });

  test('one that was let go after it is held back by the next, a late one of the same storm too', async () => {
    const pace = createPace({ rate: undefined, concurrency: 3 });
    const [first, late] = [await leave(pace), await leave(pace)];
    first.slowed(100);
    first[Symbol.dispose]();
    late[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(100);
    const connecting = await pace.turn('awaited', never);
    late.slowed(2000);
    expect(connecting.leaves()).toBe(false);
  });

  test('the longest of several waits holds', async () => {
    const pace = createPace({ rate: undefined, concurrency: 2 });
    const [first, second] = [await leave(pace), await leave(pace)];
    first.slowed(5000);
    expect(second.slowed(1000)).toBe(5000);
  });

  test('without a Retry-After its own back-off holds: it doubles with each, a whole storm being one, and ends with a success', async () => {
    const pace = createPace({ rate: undefined, concurrency: 2 });
    const waits: number[] = [];
    for (let storm = 0; storm < 8; storm += 1) {
      const asking = leave(pace);
      await vi.advanceTimersByTimeAsync(61_000);
      const turn = await asking;
      waits.push(turn.slowed(undefined));
      turn[Symbol.dispose]();
    }
    expect(waits.map((wait) => Math.round(wait / 1000))).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    const asking = leave(pace);
    await vi.advanceTimersByTimeAsync(61_000);
    (await asking).succeeded();
    (await asking)[Symbol.dispose]();
    const [first, second] = [await leave(pace), await leave(pace)];
    expect(Math.round(first.slowed(0))).toBe(1000);
    expect(Math.round(second.slowed(undefined))).toBe(1000);
  });

  test('the rate is half of what it was for the next 60 s', async () => {
    const pace = createPace({ rate: { requests: 10, window: 1000 }, concurrency: 100 });
    const refused = await leave(pace);
    const start = performance.now();
    refused.slowed(2000);
    refused[Symbol.dispose]();
    const left = requests(pace, 700);
    await vi.advanceTimersByTimeAsync(200_000);
    const within = (from: number, to: number): number =>
      left.filter((at) => at - start >= from && at - start < to).length;
    expect(within(0, 2000)).toBe(0);
    expect(within(2000, 62_000)).toBe(300);
    expect(within(62_000, 72_000)).toBe(100);
  });

  test('a rate of one is halved too', async () => {
    const pace = createPace({ rate: { requests: 1, window: 1000 }, concurrency: 1 });
    const refused = await leave(pace);
    const start = performance.now();
    refused.slowed(1000);
    refused[Symbol.dispose]();
    const left = requests(pace, 3);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(left.map((at) => at - start)).toEqual([2000, 4000, 6000]);
  });
});
