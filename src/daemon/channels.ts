import { createHash } from 'node:crypto';
import type { NotificationConfig } from '../config/load.ts';
import { type Notifier, type NotifierOptions, openNotifier } from './notify.ts';

/** Milliseconds that what is still to be told has when nobody will ask for it any more. */
const LAST_WORDS = 2_000;

/** The channels of the config in force. One that a reload leaves as it is keeps what waits in it. */
export class Channels implements AsyncDisposable {
  readonly #options: Omit<NotifierOptions, 'config'>;
  #open = new Map<string, Notifier>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: Omit<NotifierOptions, 'config'>) {
    this.#options = options;
  }

  /** True where they are others than before. */
  use(configs: readonly NotificationConfig[]): boolean {
    const before = this.#open;
    this.#open = new Map();
    for (const config of configs) {
      const identity = identityOf(config);
      this.#open.set(identity, before.get(identity) ?? openNotifier({ ...this.#options, config }));
    }
    const gone = [...before].filter(([identity]) => !this.#open.has(identity));
    for (const [, notifier] of gone) {
      const closing = close(notifier).finally(() => this.#closing.delete(closing));
      this.#closing.add(closing);
    }
    return gone.length > 0 || this.#open.size !== before.size;
  }

  all(): readonly Notifier[] {
    return [...this.#open.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#closing, ...this.all().map(close)]);
  }
}

async function close(notifier: Notifier): Promise<void> {
  await notifier.settled(AbortSignal.timeout(LAST_WORDS));
  await notifier[Symbol.asyncDispose]();
}

function identityOf({ name, url, on, headers }: NotificationConfig): string {
  const sent = [...headers].map(([header, value]) => [header, value.reveal()]);
  return createHash('sha256')
    .update(JSON.stringify([name, url.reveal(), [...on], sent]))
    .digest('hex');
}
