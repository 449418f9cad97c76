import { describe, expect, test } from 'vitest';
import { RateLimit } from '../../src/usage-api/rate-limit.ts';
import { Turns } from '../../src/usage-api/turns.ts';

const NEVER = new AbortController().signal;

describe('turns', () => {
  test('are so many at once under each name; who waits comes in the order in which they came', async () => {
    const turns = new Turns();
    const order: number[] = [];
    const [first, second] = [await turns.turn('acme', 2, NEVER), await turns.turn('acme', 2, NEVER)];
    const waiting = [1, 2].map(async (n) => {
      const turn = await turns.turn('acme', 2, NEVER);
      order.push(n);
      return turn;
    });
    await turns.turn('beta', 1, NEVER);
    expect(order).toEqual([]);
    second[Symbol.dispose]();
    await waiting[0];
    expect(order).toEqual([1]);
    first[Symbol.dispose]();
    await waiting[1];
    expect(order).toEqual([1, 2]);
  });

  test('are not given to who does not wait any more', async () => {
    const turns = new Turns();
    const held = await turns.turn('acme', 1, NEVER);
    const leaving = new AbortController();
    const gone = turns.turn('acme', 1, leaving.signal);
    const next = turns.turn('acme', 1, NEVER);
    leaving.abort(new RangeError('gone'));
    await expect(gone).rejects.toThrow('gone');
    await expect(turns.turn('acme', 1, leaving.signal)).rejects.toThrow('gone');
    held[Symbol.dispose]();
    (await next)[Symbol.dispose]();
    await turns.turn('acme', 1, NEVER);
  });
});

test('in no window of a minute are there more requests than the rate says', () => {
  let now = 0;
  const limit = new RateLimit(() => now);
  const rate = { requests: 2, window: 60_000 };
  const isLetIn = (at: number) => {
    now = at;
    try {
      limit.take('acme', rate);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ status: 429, headers: { 'retry-after': expect.stringMatching(/^[1-9]\d*$/) } });
      return false;
    }
  };
  expect([0, 50_000, 59_999, 60_000, 60_001, 109_999, 110_000].map(isLetIn)).toEqual([
    true,
    true,
    false,
    true,
    false,
    false,
    true,
  ]);
});
