import type { Retries } from '../core/words.ts';

/**
 * Milliseconds to wait before attempt `attempt + 1`: exponential with jitter over the whole span, so that periods that
 * failed together do not come back together; never under `minDelay`, so that no loop is immediate.
 *
 * @param attempt attempts made so far, from 1
 * @param random in [0, 1)
 */
export function backoff(attempt: number, retries: Retries, random: number): number {
  const span = Math.min(retries.maxDelay, retries.minDelay * 2 ** attempt) - retries.minDelay;
  return Math.round(retries.minDelay + random * Math.max(0, span));
}

/** Waits, or throws the signal's reason as soon as it is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopped = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stopped);
      resolve();
    }, ms);
    signal.addEventListener('abort', stopped, { once: true });
  });
}
