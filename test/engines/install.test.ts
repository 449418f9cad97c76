import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Installation, installClickHouse } from './clickhouse/install.ts';
import { holdAlone } from './hold-alone.ts';

/** A folder with a lock, and an installer that notes when it begins and ends. */
async function lab() {
  const folder = await mkdtemp(join(tmpdir(), 'exportd-install-'));
  const lock = async (text: string) => await writeFile(join(folder, 'package-lock.json'), text);
  await lock('one');
  const seen: string[] = [];
  const wishes: Installation = {
    folder,
    machine: { platform: 'linux', arch: 'x64', libc: 'glibc' },
    say: (line) => seen.push(line),
    install: async (where) => {
      seen.push('begins');
      await rm(join(where, 'node_modules'), { recursive: true, force: true });
      await mkdir(join(where, 'node_modules'));
      seen.push('ends');
    },
  };
  return { folder, lock, seen, wishes, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

test('however many ask at once, one installs, and says before how big it is', async () => {
  await using at = await lab();
  await Promise.all([1, 2, 3, 4].map(() => installClickHouse(at.wishes)));
  await installClickHouse(at.wishes);
  const said = `Installing the real ClickHouse for tests and demo, once: 543 MB in ${join(at.folder, 'node_modules')}`;
  expect(at.seen).toEqual([said, 'begins', 'ends']);
});

test('a lock that changed, or an installation that broke off, is installed anew', async () => {
  await using at = await lab();
  const broken = { ...at.wishes, install: () => Promise.reject(new Error('no network')) };
  await expect(installClickHouse(broken)).rejects.toThrow('no network');
  await installClickHouse(at.wishes);
  await at.lock('two');
  await installClickHouse(at.wishes);
  expect(at.seen.filter((line) => line === 'ends')).toHaveLength(2);
});

test.each([
  ['darwin', 'x64', 'other', 'darwin x64'],
  ['win32', 'x64', 'other', 'win32 x64'],
  ['linux', 'x64', 'other', 'linux x64 without glibc'],
  ['linux', 'arm64', 'glibc', 'linux arm64'],
] as const)(
  'on %s %s (%s) nothing is installed: the error says what to set instead',
  async (platform, arch, libc, said) => {
    await using at = await lab();
    const installed = installClickHouse({ ...at.wishes, machine: { platform, arch, libc } });
    await expect(installed).rejects.toThrow(new RegExp(`this is ${said}\\. .*CLICKHOUSE_URL`));
    expect(at.seen).toEqual([]);
  },
);

test('what a killed process held is free for the next', async () => {
  const name = `killed-${process.pid}-${Date.now()}`;
  const program = `import { holdAlone } from './test/engines/hold-alone.ts';
    await holdAlone(${JSON.stringify(name)}, async () => { console.log('held'); await new Promise(() => setInterval(() => {}, 1e6)); });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  let isMine = false;
  const held = holdAlone(name, async () => {
    isMine = true;
  });
  expect(isMine).toBe(false);
  child.kill('SIGKILL');
  await held;
  expect(isMine).toBe(true);
});
