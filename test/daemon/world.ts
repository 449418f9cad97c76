/** A daemon on a clock of the test's own, over the real mock API and a real DuckDB file. */
import { openApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Instant } from '../../src/core/words.ts';
import { ConfigWatch } from '../../src/daemon/config-watch.ts';
import { type Daemon, openDaemon } from '../../src/daemon/daemon.ts';
import type { DaemonEvent, Tell } from '../../src/daemon/daemon-events.ts';
import type { Paces } from '../../src/open-sources.ts';
import type { Folder } from '../cli/exportd.ts';

export interface DaemonWorld extends AsyncDisposable {
  now: Instant;
  readonly daemon: Daemon;
  readonly events: DaemonEvent[];
  /** Looks now and waits until nothing is left to do. */
  look(): Promise<void>;
  /** Goes on to an instant, looking every so often on the way. */
  goTo(at: Instant, step: number): Promise<void>;
  /** Ends the daemon as SIGTERM does, and starts another. */
  restart(): Promise<void>;
  /** Resolves once an event was told that fits, past or future, so many times. */
  seen(fits: (event: DaemonEvent) => boolean, times?: number): Promise<void>;
  /** How often each kind of event was told, of one job where it is named. */
  told(type: DaemonEvent['type'], job?: string): number;
  /** Jobs that started and have not ended. */
  running(): readonly string[];
}

/** @param also told of every event, too */
export async function daemonWorld(
  place: Folder,
  now: Instant,
  random: () => number = () => 0,
  also: Tell = () => undefined,
): Promise<DaemonWorld> {
  const config = place.at('exportd.yaml');
  const events: DaemonEvent[] = [];
  const paces: Paces = new Map();
  const waiting = new Set<() => void>();
  // Time passes while things happen, too.
  const clock = () => world.now + events.length;
  const start = async (): Promise<Daemon> => {
    const watch = new ConfigWatch(
      config,
      () => loadConfig(config, { env: {} }),
      () => undefined,
    );
    return await openDaemon({
      initial: watch.first(),
      reread: (force) => watch.again(force),
      open: (its, emit) => openApp({ config: its, clock, emit, paces }),
      clock,
      tell(event) {
        events.push(event);
        also(event);
        for (const look of waiting) look();
      },
      failed: (cause) => {
        throw cause;
      },
      random,
    });
  };
  let daemon: Daemon;
  const world: DaemonWorld = {
    now,
    events,
    get daemon() {
      return daemon;
    },
    async look() {
      await daemon.look();
      await daemon.idle();
    },
    async goTo(at, step) {
      while (world.now < at) {
        world.now = Math.min(at, world.now + step);
        await world.look();
      }
    },
    async restart() {
      await daemon.stop();
      daemon = await start();
    },
    seen: (fits, times = 1) =>
      new Promise((resolve) => {
        const look = () => {
          if (events.filter(fits).length < times) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    told: (type, job) =>
      events.filter((event) => event.type === type && (job === undefined || ('job' in event && event.job === job)))
        .length,
    running() {
      const running = new Set<string>();
      for (const event of events) {
        if (event.type === 'job.started') running.add(event.job);
        if (event.type === 'job.ended') running.delete(event.job);
      }
      return [...running];
    },
    async [Symbol.asyncDispose]() {
      await daemon.stop();
    },
  };
  daemon = await start();
  return world;
}
