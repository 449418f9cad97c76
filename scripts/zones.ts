/**
 * Makes src/core/zones.data.ts from a folder of the tz database that holds `zone.tab` and `tzdata.zi`:
 *
 *     node scripts/zones.ts /usr/share/zoneinfo
 *
 * Debian's package tzdata has such a folder, and so has the Python package tzdata (tzdata/zoneinfo).
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.argv[2] ?? '/usr/share/zoneinfo';
const target = fileURLToPath(new URL('../src/core/zones.data.ts', import.meta.url));

const lines = (name: string): string[] => readFileSync(join(folder, name), 'utf8').split('\n');
const source = lines('tzdata.zi');

const version = /^# version (\S+)/.exec(source[0] ?? '')?.[1];
if (version === undefined) throw new Error(`${folder}/tzdata.zi does not begin with its version`);

const zones = lines('zone.tab')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t')[2] ?? '')
  .concat('UTC')
  .sort();

/** Link lines read `L <zone> <name>`. Both Etc zones without an offset are UTC to us. */
const links = new Map([
  ['Etc/UTC', 'UTC'],
  ['Etc/GMT', 'UTC'],
]);
for (const line of source) {
  const [kind, zone, name] = line.split(' ');
  if (kind === 'L' && zone !== undefined && name !== undefined) links.set(name, zone);
}

const known = new Set(zones);
const resolve = (name: string): string => (known.has(name) ? name : resolve(links.get(name) ?? 'UTC'));
const old = [...links.keys()].filter((name) => !known.has(name)).sort();
/** Zone lines read `Z <name> <rules>`. `Factory` is what tzdb calls a machine that nobody has set up. */
const others = source
  .map((line) => line.split(' '))
  .filter(([kind, name]) => kind === 'Z' && name !== undefined && name !== 'Factory')
  .map(([, name]) => name ?? '')
  .filter((name) => !known.has(name) && !links.has(name))
  .sort();

writeFileSync(
  target,
  `// Made by scripts/zones.ts. Do not edit.

/** Version of the tz database that the names below are from. */
export const TZDB_VERSION = '${version}';

/** The names of zone.tab, and UTC. */
export const ZONES: readonly string[] = ${JSON.stringify(zones)};

/** Every other name that tzdb links to a zone, and the name it stands for. */
export const OLD_NAMES: Readonly<Record<string, string>> = ${JSON.stringify(
    Object.fromEntries(old.map((name) => [name, resolve(name)])),
  )};

/** Zones of tzdb that are no place: offsets, and abbreviations of old. */
export const OTHER_ZONES: readonly string[] = ${JSON.stringify(others)};
`,
);
execFileSync(process.execPath, [
  fileURLToPath(import.meta.resolve('@biomejs/biome/bin/biome')),
  'format',
  '--write',
  target,
]);
process.stdout.write(`tzdb ${version}: ${zones.length} names, ${old.length} old ones\n`);
