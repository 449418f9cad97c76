import { schedule } from 'node-cron';
import { type AppOptions, openApp } from '../app.ts';
import { ConfigWatch } from '../daemon/config-watch.ts';
import { type Daemon, openDaemon } from '../daemon/daemon.ts';
import type { DaemonEvent } from '../daemon/daemon-events.ts';
import { openSays } from '../daemon/says.ts';
import { createLog, logDaemon } from '../log.ts';
import { callsOf } from '../stack.ts';
import type { CommandContext, Exit } from './command.ts';
import { readConfig } from './jobs.ts';
import { readableLog } from './readable-log.ts';

/** A look every 15 s. Nothing depends on it coming in time. */
const HEARTBEAT = '*/15 * * * * *';

/** `exportd start`: the daemon, until told to stop. Exit 0 where it ended within its grace. */
export async function start(context: CommandContext): Promise<Exit> {
  const { clock, output, logLevel, stop } = context;
  const watch = new ConfigWatch(context.config, () => readConfig(context));
  const config = watch.first();
  config.need(
    config.jobs.filter((job) => job.enabled),
    'notifications',
  );
  const paces: NonNullable<AppOptions['paces']> = new Map();
  const write = output.log.live && output.format === 'text' ? readableLog(output.log) : output.log.write;
  const log = createLog({ level: logLevel ?? 'info', write });
  const logEvent = logDaemon(log);
  const failed = (cause: unknown) =>
    log.error({ event: 'unexpected', calls: callsOf(cause) }, 'unexpected error in exportd: please report it');
  let daemon: Daemon | undefined;
  await using says = await openSays({
    config,
    clock,
    log,
    redact: output.redact,
    requestRun: (job, wish) => daemon?.requestRun(job, wish) ?? 'queued',
  });
  const tell = (event: DaemonEvent) => {
    logEvent(event);
    says.tell(event);
  };
  daemon = await openDaemon({
    initial: config,
    reread: (force) => watch.again(force),
    open: (its, emit) => openApp({ config: its, clock, emit, paces }),
    clock,
    tell,
    failed,
    random: Math.random,
  });
  const running = daemon;
  log.info(
    { event: 'listening', url: says.url ?? null },
    says.url === undefined ? 'no page: daemon.listen is null' : `listening on ${says.url}`,
  );

  const reload = () => void running.reload().catch(failed);
  const look = () => running.look().catch(failed);
  process.on('SIGHUP', reload);
  const heart = schedule(HEARTBEAT, look, { noOverlap: true });
  try {
    void look();
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  } finally {
    await heart.destroy();
    process.off('SIGHUP', reload);
  }
  const grace = (says.lastSeen.config().config ?? config).daemon.shutdownGrace;
  const began = performance.now();
  await running.stop();
  // Commits that had begun run to their end, whatever the grace says.
  const clean = performance.now() - began <= grace + COMMITS_TAKE;
  tell({ type: 'stopped', at: clock(), clean });
  return clean ? 0 : 1;
}

const COMMITS_TAKE = 5_000;
