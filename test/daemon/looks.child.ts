/** A daemon over the config that is named, looking again and again on a clock of its own; prints what that costs. */
import { openApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigWatch } from '../../src/daemon/config-watch.ts';
import { openDaemon } from '../../src/daemon/daemon.ts';
import { openSays } from '../../src/daemon/says.ts';
import { createLog } from '../../src/log.ts';

const [path = '', looks = ''] = process.argv.slice(2);
let now = Date.parse('2026-11-25T10:00:00Z');
const clock = () => now;
/** Milliseconds of CPU since the process began. */
const cpu = () => Object.values(process.cpuUsage()).reduce((sum, part) => sum + part) / 1000;

const watch = new ConfigWatch(
  path,
  () => loadConfig(path, { env: {} }),
  (config) => config.need(config.jobs),
);
const config = watch.first();
const log = createLog({ level: 'info', write: () => undefined });
await using says = await openSays({ config, clock, log, redact: (text) => text, requestRun: () => 'queued' });
const daemon = await openDaemon({
  initial: config,
  reread: (force) => watch.again(force),
  open: (its, emit) => openApp({ config: its, clock, emit }),
  clock,
  tell: says.tell,
  failed: (cause) => {
    throw cause;
  },
  random: Math.random,
});
await daemon.look();
const ready = cpu();
const rss: number[] = [];
for (let look = 1; look <= Number(looks); look++) {
  now += 15_000;
  await daemon.look();
  if (look === Number(looks) / 10 || look === Number(looks)) rss.push(process.memoryUsage.rss());
  if (look % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
console.log(JSON.stringify({ ready, perLook: (cpu() - ready) / Number(looks), rss }));
await daemon.stop();
