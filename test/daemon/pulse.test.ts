import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openPulse } from '../../src/daemon/pulse.ts';

const HOUR = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-25T10:07:01Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a pulse looks four times a minute', async () => {
  let looks = 0;
  await using _ = openPulse(() => {
    looks += 1;
  });
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(looks).toBe(240);
});

test.each([-HOUR, 3 * HOUR, -365 * 24 * HOUR])(
  'goes on within half a minute where the clock jumps by %i ms, and never in a burst (case e11)',
  async (jump) => {
    let looks = 0;
    await using _ = openPulse(() => {
      looks += 1;
    });
    await vi.advanceTimersByTimeAsync(20_000);
    vi.setSystemTime(Date.now() + jump);
    looks = 0;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(looks).toBeGreaterThanOrEqual(1);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(looks).toBeGreaterThanOrEqual(24);
    expect(looks).toBeLessThanOrEqual(45);
  },
);
