import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { holdAlone } from '../hold-alone.ts';

/** Where the engines' own package.json and lock are. */
const ENGINES = fileURLToPath(new URL('..', import.meta.url));

/** The real ClickHouse does not run here; the message says why, and what can be done. */
export class ClickHouseUnavailable extends Error {
  override readonly name = 'ClickHouseUnavailable';
}

export interface Installation {
  /** The folder with package.json and package-lock.json. */
  readonly folder: string;
  readonly machine: Machine;
  /** Makes `folder`/node_modules anew; throws where it cannot. */
  readonly install: (folder: string) => Promise<void>;
  /** Is told, before it begins, what is installed and how big it is. */
  readonly say: (line: string) => void;
}

export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly libc: 'glibc' | 'other';
}

/**
 * ClickHouse is installed when this returns, as the lock names it. However many processes ask at once, one installs;
 * one that is killed in the middle is made good by the next. Throws ClickHouseUnavailable.
 */
export async function installClickHouse(wishes: Partial<Installation> = {}): Promise<void> {
  const { folder, machine, install, say } = { ...HERE, machine: thisMachine(), ...wishes };
  const lock = await readFile(join(folder, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  const stamp = join(folder, 'node_modules', '.installed-lock');
  const isInstalled = async () => (await readFile(stamp, 'utf8').catch(() => undefined)) === wanted;

  if (await isInstalled()) return;
  refuseElsewhere(machine);
  await holdAlone(folder, async () => {
    if (await isInstalled()) return;
    say(`Installing the real ClickHouse for tests and demo, once: 543 MB in ${join(folder, 'node_modules')}`);
    await install(folder);
    await writeFile(stamp, wanted);
  });
}

function refuseElsewhere({ platform, arch, libc }: Machine): void {
  if (platform === 'linux' && arch === 'x64' && libc === 'glibc') return;
  const here = `${platform} ${arch}${platform === 'linux' && libc !== 'glibc' ? ' without glibc' : ''}`;
  throw new ClickHouseUnavailable(
    `ClickHouse comes from npm for linux x64 with glibc alone, and this is ${here}. ` +
      'For the demo and the store set CLICKHOUSE_URL to a server of your own, such as http://localhost:8123 (and ' +
      'CLICKHOUSE_USER, CLICKHOUSE_PASSWORD); they make a database of their own there. The tests that need the engine run ' +
      'on linux x64.',
  );
}

const HERE = {
  folder: ENGINES,
  install: npmCi,
  say: (line: string) => console.error(line),
};

function thisMachine(): Machine {
  const { platform, arch } = process;
  return { platform, arch, libc: platform === 'linux' && hasGlibc() ? 'glibc' : 'other' };
}

function hasGlibc(): boolean {
  // Else the report looks up names in the network.
  Object.assign(process.report, { excludeNetwork: true });
  const report: { header?: { glibcVersionRuntime?: string } } = process.report.getReport();
  return report.header?.glibcVersionRuntime !== undefined;
}

async function npmCi(folder: string): Promise<void> {
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = spawn('npm', words, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const said = text(npm.stderr);
  const [outcome] = await once(npm, 'close').catch((error) => [error]);
  if (outcome === 0) return;
  const how = outcome instanceof Error ? `did not start: ${outcome.message}` : `ended with exit code ${outcome}`;
  throw new ClickHouseUnavailable(
    `npm could not install ClickHouse: \`npm ci\` in ${folder} ${how}. ` +
      `Try it by hand, or set CLICKHOUSE_URL for the demo and the store.\n${(await said).trim()}`,
  );
}
