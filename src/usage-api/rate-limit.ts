import type { Rate } from '../core/words.ts';
import { Refusal } from './refusal.ts';

/**
 * At most so many requests of a workspace in any window, whoever sends them: a sliding window, exact to the request.
 * `clock` in milliseconds; one that no person sets.
 */
export class RateLimit {
  readonly #sent = new Map<string, number[]>();
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Counts one request; returns the headers that tell of the limit. Throws 429 where it is one too many. */
  take(workspace: string, rate: Rate | undefined): Readonly<Record<string, string>> {
    if (rate === undefined) return {};
    const now = this.#clock();
    const sent = this.#sent.get(workspace) ?? [];
    this.#sent.set(workspace, sent);
    while (sent[0] !== undefined && sent[0] <= now - rate.window) sent.shift();
    const isOver = sent.length >= rate.requests;
    if (!isOver) sent.push(now);
    const wait = Math.ceil(((sent[0] ?? now) + rate.window - now) / 1000);
    const headers = {
      'x-ratelimit-limit': String(rate.requests),
      'x-ratelimit-remaining': String(rate.requests - sent.length),
      'x-ratelimit-reset': String(wait),
    };
    if (!isOver) return headers;
    throw new Refusal(429, 'TOO_MANY_REQUESTS', `Too many requests: at most ${rateText(rate)} in this workspace`, {
      ...headers,
      'retry-after': String(wait),
    });
  }
}

function rateText({ requests, window }: Rate): string {
  return `${requests} a ${window === 1_000 ? 'second' : 'minute'}`;
}
