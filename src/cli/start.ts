import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { openApp } from '../app.ts';
import type { Config } from '../config/load.ts';
import { ConfigWatch } from '../daemon/config-watch.ts';
import { type Daemon, openDaemon } from '../daemon/daemon.ts';
import type { DaemonEvent } from '../daemon/daemon-events.ts';
import { openPulse } from '../daemon/pulse.ts';
import { openSays } from '../daemon/says.ts';
import { createLog, logDaemon } from '../log.ts';
import type { Paces } from '../open-sources.ts';
import { callsOf } from '../stack.ts';
import type { CommandContext, Exit } from './command.ts';
import { readConfig } from './jobs.ts';
import { readableLog } from './readable-log.ts';

/** `exportd start`: the daemon, until told to stop. Exit 0 where it ended within its grace. */
export async function start(context: CommandContext): Promise<Exit> {
  const { clock, output, logLevel, stop } = context;
  const watch = new ConfigWatch(context.config, () => readConfig(context), needAll);
  const config = watch.first();
  const write = output.log.live && output.format === 'text' ? readableLog(output.log) : output.log.write;
  const log = createLog({ level: logLevel ?? 'info', write });
  const logEvent = logDaemon(log);
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
  const reload = () => void daemon?.reload();
  process.on('SIGHUP', reload);
  const paces: Paces = new Map();
  daemon = await openDaemon({
    initial: config,
    reread: (force) => watch.again(force),
    open: (its, emit) => openApp({ config: its, clock, emit, paces }),
    clock,
    tell,
    failed: (cause) =>
      log.error({ event: 'unexpected', calls: callsOf(cause) }, 'unexpected error in exportd: please report it'),
    random: Math.random,
  });
  const running = daemon;
  log.info(
    { event: 'listening', url: says.url ?? null },
    says.url === undefined ? 'no page: daemon.listen is null' : `listening on ${says.url}`,
  );

  {
    await using _pulse = openPulse(() => void running.look());
    await running.look();
    if (!stop.aborted) await once(stop, 'abort');
  }
  process.off('SIGHUP', reload);
  const isClean = await within(running.config.daemon.shutdownGrace + COMMITS_TAKE, running.stop());
  tell({ type: 'stopped', at: clock(), clean: isClean });
  return isClean ? 0 : 1;
}

/** Commits that had begun run to their end, whatever the grace says; but not for ever. Milliseconds. */
const COMMITS_TAKE = 5_000;

/** A daemon does all of its jobs: everything that one of them takes must be there. */
function needAll(config: Config): void {
  config.need(
    config.jobs.filter((job) => job.enabled),
    'notifications',
  );
}

/** False where it takes longer: then nobody waits for it any more. */
async function within(milliseconds: number, work: Promise<void>): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([work.then(() => true), pause(milliseconds, false, { signal: over.signal })]);
  } finally {
    over.abort();
  }
}
