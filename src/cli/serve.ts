import { once } from 'node:events';
import type { Config, UsageApiConfig } from '../config/load.ts';
import { ConfigError } from '../config/problems.ts';
import { ConfigWatch } from '../daemon/config-watch.ts';
import { openPulse } from '../daemon/pulse.ts';
import { createLog, logExport } from '../log.ts';
import { callsOf } from '../stack.ts';
import { openUsageApi } from '../usage-api/server.ts';
import { type CommandContext, type Exit, usageError } from './command.ts';
import { readConfig } from './jobs.ts';
import { readableLog } from './readable-log.ts';

/** `exportd serve`: the Usage Export API, until told to stop. Exit 0 where it ended within its grace. */
export async function serve(context: CommandContext): Promise<Exit> {
  const { clock, output, logLevel, stop } = context;
  const watch = new ConfigWatch(context.config, () => readConfig(context), needUsageApi);
  let config = watch.first();
  const write = output.log.live && output.format === 'text' ? readableLog(output.log) : output.log.write;
  const log = createLog({ level: logLevel ?? 'info', write });
  const api = await openUsageApi({
    config: usageApiOf(config),
    clock,
    exported: logExport(log),
    failed: (cause) =>
      log.error({ event: 'unexpected', calls: callsOf(cause) }, 'unexpected error in exportd: please report it'),
  });
  log.info({ event: 'listening', url: api.url }, `the Usage Export API listens on ${api.url}`);

  const reload = (force: boolean) => {
    try {
      const next = watch.again(force);
      if (next === undefined) return;
      config = next;
      const stays = api.reconfigure(usageApiOf(next));
      log.info({ event: 'config.loaded', config_version: next.version }, 'config reloaded');
      if (stays.length > 0) log.warn({ event: 'config.kept', keys: stays }, 'read at a start alone: restart to change');
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const problems = error.problems.map(({ message }) => message);
      log.error({ event: 'config.broken', problems }, 'the config is broken: the one before stays in force');
    }
  };
  const hangUp = () => reload(true);
  process.on('SIGHUP', hangUp);
  {
    await using _pulse = openPulse(() => reload(false));
    if (!stop.aborted) await once(stop, 'abort');
  }
  process.off('SIGHUP', hangUp);
  log.info({ event: 'stopping' }, 'stopping: no new request is answered, what is in hand is sent');
  const isClean = await api.stop(config.daemon.shutdownGrace);
  log[isClean ? 'info' : 'warn']({ event: 'stopped', clean: isClean }, 'stopped');
  return isClean ? 0 : 1;
}

/** Everything that answering takes must be there. */
function needUsageApi(config: Config): void {
  usageApiOf(config);
  config.need([], 'usage_api');
}

function usageApiOf({ usageApi }: Config): UsageApiConfig {
  if (usageApi !== undefined) return usageApi;
  throw usageError('the config has no section usage_api', 'docs/usage-export-api.md shows one');
}
