import type { Config } from '../config/load.ts';
import type { Wish } from '../core/plan.ts';
import type { Secret } from '../core/secret.ts';
import type { Instant } from '../core/words.ts';
import { openPage, type Page } from '../page/server.ts';
import { callsOf } from '../stack.ts';
import { Alerts } from './alerts.ts';
import { Channels } from './channels.ts';
import type { DaemonEvent, Tell } from './daemon-events.ts';
import { type Heartbeat, openHeartbeat } from './heartbeat.ts';
import { LastSeen } from './last-seen.ts';
import { Metrics } from './metrics.ts';
import type { Log } from './notify.ts';

export interface SaysOptions {
  /** The one that the daemon starts with: says where to listen. Everything else is taken from `config.loaded`. */
  readonly config: Config;
  readonly clock: () => Instant;
  /** pino's logger is one. */
  readonly log: Log;
  /** Replaces the known secrets, those of the newest config included. */
  readonly redact: (text: string) => string;
  /** `Daemon.requestRun`; not called before the first event was told. */
  readonly requestRun: (job: string, wish: Wish) => 'queued' | 'running';
}

/** All that the daemon says beside its log: pages, metrics, alerts and heartbeat. Disposing gives alerts 2 s to be told. */
export interface Says extends AsyncDisposable {
  /** Must be told of every event. Never throws, never waits, asks nobody. */
  readonly tell: Tell;
  readonly lastSeen: LastSeen;
  /** Where it listens; undefined: `listen: null`. */
  readonly url: string | undefined;
}

/**
 * Opens everything that the daemon says. Throws NOT_POSSIBLE where `daemon.listen` cannot be listened on: open it before
 * the daemon, so that a port in use ends the start before anything is asked for.
 */
export async function openSays(options: SaysOptions): Promise<Says> {
  const { config, clock, log, redact, requestRun } = options;
  const lastSeen = new LastSeen();
  const metrics = new Metrics(lastSeen, clock);
  const alerts = new Alerts(lastSeen);
  const channels = new Channels({ log, redact, delivered: (result) => metrics.delivered(result) });
  const { listen } = config.daemon;
  const daemon = () => lastSeen.config().config?.daemon ?? config.daemon;
  const page: Page | undefined =
    listen && (await openPage({ listen, daemon, lastSeen, metrics, requestRun, clock, redact }));
  let heart: { readonly url: Secret; readonly heartbeat: Heartbeat } | undefined;

  const configLoaded = ({ config: { daemon: its, notifications } }: Loaded) => {
    // To those who may be gone after it.
    alerts.flush();
    if (channels.use(notifications)) alerts.tellTo(channels.all());
    if (its.heartbeatUrl?.reveal() !== heart?.url.reveal()) {
      void heart?.heartbeat[Symbol.asyncDispose]();
      heart = its.heartbeatUrl && { url: its.heartbeatUrl, heartbeat: openHeartbeat(its.heartbeatUrl, log) };
    }
    if (its.listen?.host !== listen?.host || its.listen?.port !== listen?.port) {
      log.warn({ event: 'listen.changed' }, 'daemon.listen is another now: it holds from the next start on');
    }
  };
  const tellAll = (event: DaemonEvent) => {
    // In this order: the others ask LastSeen what came of the event.
    lastSeen.tell(event);
    if (event.type === 'config.loaded') configLoaded(event);
    metrics.tell(event);
    alerts.tell(event);
    if (event.type === 'look') void heart?.heartbeat.beat();
  };

  return {
    lastSeen,
    url: page?.url,
    tell(event) {
      try {
        tellAll(event);
      } catch (error) {
        // A bug here must not end a load. The message stays out: nobody knows whose values it quotes.
        log.warn(
          { event: 'telling.failed', of: event.type, calls: callsOf(error) },
          'bug in exportd: please report it',
        );
      }
    },
    async [Symbol.asyncDispose]() {
      alerts.flush();
      await page?.[Symbol.asyncDispose]();
      await Promise.all([channels[Symbol.asyncDispose](), heart?.heartbeat[Symbol.asyncDispose]()]);
    },
  };
}

type Loaded = Extract<DaemonEvent, { type: 'config.loaded' }>;
