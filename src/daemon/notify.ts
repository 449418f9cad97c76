import { setTimeout as wait } from 'node:timers/promises';
import type { NotificationConfig } from '../config/load.ts';
import { backoff } from '../run/backoff.ts';
import type { Channel } from './alerts.ts';
import { openEndpoint } from './endpoint.ts';
import { slackBody, webhookBody } from './messages.ts';
import type { Delivery } from './metrics.ts';

/** Where what went wrong with telling is told. pino's logger is one. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface NotifierOptions {
  readonly config: NotificationConfig;
  readonly log: Log;
  readonly delivered: (result: Delivery) => void;
  /** Known secrets are replaced in what is sent. */
  readonly redact: (text: string) => string;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Waits before another attempt; throws where the signal is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** A channel beside the work: messages wait in a bounded queue, and nobody waits for them. */
export interface Notifier extends Channel, AsyncDisposable {
  /** Resolves once nothing waits any more, or the signal is aborted. */
  settled(signal: AbortSignal): Promise<void>;
}

/** Messages that wait; of more, the oldest are dropped. */
const MOST = 100;
/** Attempts at one message: some ten minutes, in which an endpoint may be deployed anew. */
const RETRIES = { maxAttempts: 9, minDelay: 1_000, maxDelay: 5 * 60_000 };
const LONGEST_RETRY_AFTER = 15 * 60_000;

export function openNotifier(options: NotifierOptions): Notifier {
  const { config, log, delivered, redact, random = Math.random } = options;
  const pause = options.pause ?? ((ms, signal) => wait(ms, undefined, { signal }));
  const endpoint = openEndpoint(config.url, config.headers);
  const closing = new AbortController();
  const waiting: string[] = [];
  let working: Promise<void> | undefined;

  const drop = (why: string) => {
    delivered('dropped');
    log.warn({ event: 'notification.dropped', notification: config.name }, `notification dropped: ${why}`);
  };

  async function deliver(body: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const unheard = await endpoint.tell(body);
      if (unheard === undefined) return delivered('sent');
      if (closing.signal.aborted) return drop('exportd stopped');
      if (!unheard.retryable || attempt === RETRIES.maxAttempts) return drop(`the endpoint ${unheard.why}`);
      const asked = Math.min(unheard.retryAfter ?? 0, LONGEST_RETRY_AFTER);
      const delay = Math.max(asked, backoff(attempt, RETRIES, random()));
      // Closing ends the wait; the next attempt finds that out.
      await pause(delay, closing.signal).catch(() => undefined);
    }
  }

  async function work(): Promise<void> {
    for (let body = waiting.shift(); body !== undefined; body = waiting.shift()) {
      if (closing.signal.aborted) drop('exportd stopped');
      else await deliver(body);
    }
    working = undefined;
  }

  return {
    on: config.on,
    send(message) {
      if (waiting.length >= MOST) {
        waiting.shift();
        drop('too many wait for the endpoint');
      }
      waiting.push(redact(config.type === 'slack' ? slackBody(message) : webhookBody(message)));
      working ??= work();
    },
    async settled(signal) {
      const over = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.race([working, over]);
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await endpoint[Symbol.asyncDispose]();
      await working;
    },
  };
}
