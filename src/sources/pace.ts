import { historyShare } from '../core/forecast.ts';
import type { Rate, Urgency } from '../core/words.ts';

/** One request's permission to leave. Disposing ends it: call it once the answer is in, or will not come. */
export interface Turn extends Disposable {
  /**
   * Called when the request would go onto the wire; the rate counts from here. False: a 429 came in since the turn was
   * granted, so it must not leave; dispose of this turn and ask for another. A turn that never leaves costs nothing.
   */
  leaves(): boolean;
  /** The source answered as it should. After a 429, each success lets one more request be under way at once. */
  succeeded(): void;
  /**
   * The source answered 429. Nothing leaves for `retryAfter` milliseconds, or for the pace's own back-off where the
   * source named no time. Returns the milliseconds from now until requests leave again, a whole number.
   */
  slowed(retryAfter: number | undefined): number;
}

/**
 * What one source (one base_url and key) allows, shared by every job of the process: a sliding window without
 * smoothing, so many requests under way at once, and the brake that one 429 puts on all.
 */
export interface Pace {
  /**
   * Waits until a request may leave. `awaited` goes before `history`, which never takes more than 80 % of the rate.
   * Throws the signal's reason where it is aborted first.
   */
  turn(urgency: Urgency, signal: AbortSignal): Promise<Turn>;
}

/** How long the rate stays halved once requests leave again after a 429. */
const HALF_RATE_FOR = 60_000;
const FIRST_BACKOFF = 1_000;
const LONGEST_BACKOFF = 60_000;

interface Waiting {
  grant(): void;
}

/** When a request left, in monotonic milliseconds. */
interface Departure {
  readonly at: number;
  readonly urgency: Urgency;
}

export function createPace(options: { rate: Rate | undefined; concurrency: number }): Pace {
  const { rate, concurrency } = options;
  const waiting: Record<Urgency, Waiting[]> = { awaited: [], history: [] };
  /** Granted, and not on the wire yet: they may leave at any moment, so they count as leaving now. */
  const leaving: Record<Urgency, number> = { awaited: 0, history: 0 };
  let departures: Departure[] = [];
  let underWay = 0;
  let allowed = concurrency;
  /** Raised by each 429: answers to requests of before it say nothing of how the source is after it. */
  let era = 0;
  let braking = 0;
  let resumesAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  /** The rate as it holds now: halved for a while after a 429. */
  function rateAt(now: number): Rate | undefined {
    if (rate === undefined || now >= resumesAt + HALF_RATE_FOR) return rate;
    if (rate.requests > 1) return { requests: Math.floor(rate.requests / 2), window: rate.window };
    return { requests: 1, window: rate.window * 2 };
  }

  /** Milliseconds until the brake is off; Infinity where it is off already. */
  function untilFullRate(now: number): number {
    const left = resumesAt + HALF_RATE_FOR - now;
    return left > 0 ? left : Number.POSITIVE_INFINITY;
  }

  /** Milliseconds until a request of this urgency may leave; Infinity: not before another one has left or ended. */
  function waitFor(urgency: Urgency, now: number): number {
    if (underWay >= allowed) return Number.POSITIVE_INFINITY;
    const current = rateAt(now);
    const paused = Math.max(0, resumesAt - now);
    if (current === undefined) return paused;
    const inWindow = departures.filter((departure) => departure.at > now - current.window);
    let wait = Math.max(paused, roomIn(inWindow, leaving.awaited + leaving.history, current.requests));
    if (urgency === 'history') {
      const share = historyShare(current.requests);
      const history = inWindow.filter((departure) => departure.urgency === 'history');
      wait = Math.max(wait, roomIn(history, leaving.history, share));
    }
    return wait;

    function roomIn(left: readonly Departure[], pending: number, most: number): number {
      const tooMany = left.length + pending - most + 1;
      if (tooMany <= 0) return 0;
      const blocker = left[tooMany - 1];
      return blocker === undefined || current === undefined
        ? Number.POSITIVE_INFINITY
        : blocker.at + current.window - now;
    }
  }

  function pump(): void {
    clearTimeout(timer);
    for (;;) {
      const urgency = waiting.awaited.length > 0 ? 'awaited' : 'history';
      const next = waiting[urgency][0];
      if (next === undefined) return;
      const now = performance.now();
      const wait = waitFor(urgency, now);
      if (wait > 0) {
        if (Number.isFinite(wait)) timer = setTimeout(pump, Math.ceil(Math.min(wait, untilFullRate(now))));
        return;
      }
      waiting[urgency].shift();
      underWay += 1;
      leaving[urgency] += 1;
      next.grant();
    }
  }

  function createTurn(urgency: Urgency): Turn {
    const ownEra = era;
    let left = false;
    let ended = false;
    return {
      leaves() {
        if (left) return true;
        if (ownEra !== era) return false;
        left = true;
        leaving[urgency] -= 1;
        if (rate !== undefined) {
          const now = performance.now();
          departures = departures.filter((departure) => departure.at > now - rate.window * 2);
          departures.push({ at: now, urgency });
        }
        pump();
        return true;
      },
      succeeded() {
        if (ownEra !== era) return;
        braking = 0;
        allowed = Math.min(concurrency, allowed + 1);
        pump();
      },
      slowed(retryAfter) {
        const now = performance.now();
        // Everything that was under way hits the same wall: one storm is one step of the back-off.
        if (ownEra === era) braking += 1;
        era += 1;
        const backoff = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** Math.max(0, braking - 1));
        const wait = retryAfter === undefined || retryAfter <= 0 ? backoff * (0.5 + Math.random() / 2) : retryAfter;
        resumesAt = Math.max(resumesAt, now + wait);
        allowed = 1;
        pump();
        return Math.round(resumesAt - now);
      },
      [Symbol.dispose]() {
        if (ended) return;
        ended = true;
        if (!left) leaving[urgency] -= 1;
        underWay -= 1;
        pump();
      },
    };
  }

  return {
    turn(urgency, signal) {
      return new Promise<Turn>((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const entry: Waiting = {
          grant() {
            signal.removeEventListener('abort', giveUp);
            resolve(createTurn(urgency));
          },
        };
        function giveUp(): void {
          waiting[urgency].splice(waiting[urgency].indexOf(entry), 1);
          reject(signal.reason);
          pump();
        }
        signal.addEventListener('abort', giveUp, { once: true });
        waiting[urgency].push(entry);
        pump();
      });
    },
  };
}
