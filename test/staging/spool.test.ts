import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { openSpool, type SpoolFile } from '../../src/staging/spool.ts';
import { temporaryFolder } from './folder.ts';

const DAY_AND_MORE = 25 * 60 * 60 * 1000;

async function write(file: SpoolFile, ...chunks: Buffer[]): Promise<void> {
  await pipeline(Readable.from(chunks), file.writable());
}

/** What a killed process leaves behind. */
function leftover(base: string, name: string, owner: object): string {
  const folder = join(base, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'owner'), JSON.stringify({ program: 'exportd', ...owner }));
  writeFileSync(join(folder, '000001.csv'), 'user_id\nu1\n');
  return folder;
}

function age(folder: string): void {
  const then = (Date.now() - DAY_AND_MORE) / 1000;
  for (const name of ['owner', '000001.csv', '.']) utimesSync(join(folder, name), then, then);
}

describe('a spool', () => {
  test('is not made again by a writer that opens its file after the spool was closed', async () => {
    await using base = await temporaryFolder();
    const spool = await openSpool({ directory: base.path, limit: 1000, instance: 'host/0a1b2c3d' });
    const file = spool.file('.csv');
    await spool[Symbol.asyncDispose]();
    await expect(write(file, Buffer.from('user_id'))).rejects.toMatchObject({ code: 'SPOOL_FAILED' });
    expect(await readdir(base.path)).toEqual([]);
  });

  test('keeps bodies in a folder that only its owner can read, and leaves nothing behind', async () => {
    await using base = await temporaryFolder();
    {
      await using spool = await openSpool({ directory: base.path, limit: 1000, instance: 'host/0a1b2c3d' });
      expect(spool.directory).toBe(join(base.path, 'host-0a1b2c3d'));
      expect(statSync(spool.directory).mode & 0o777).toBe(0o700);
      expect(statSync(spool.temporaryDirectory).isDirectory()).toBe(true);
      const file = spool.file('.csv');
      await write(file, Buffer.from('user_id\n'), Buffer.from('u1\n'));
      expect(readFileSync(file.path, 'utf8')).toBe('user_id\nu1\n');
      expect(statSync(file.path).mode & 0o077).toBe(0);
    }
    expect(await readdir(base.path)).toEqual([]);
  });

  test('deletes a file once it is disposed of', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 1000, instance: 'host/0a1b2c3d' });
    const file = spool.file('.csv');
    await write(file, Buffer.from('x'));
    await file[Symbol.asyncDispose]();
    expect(existsSync(file.path)).toBe(false);
  });

  test('leaves no file behind where one is disposed of while it is being opened', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 1000, instance: 'host/0a1b2c3d' });
    for (let round = 0; round < 20; round += 1) {
      const file = spool.file('.csv');
      file.writable().write('user_id\n');
      await file[Symbol.asyncDispose]();
    }
    expect((await readdir(spool.directory)).sort()).toEqual(['owner', 'tmp']);
  });

  test('writes a second attempt over the first, and counts it once', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 100, instance: 'host/0a1b2c3d' });
    await using file = spool.file('.csv');
    await write(file, Buffer.alloc(90, 'a'));
    await write(file, Buffer.alloc(80, 'b'));
    expect(readFileSync(file.path, 'utf8')).toBe('b'.repeat(80));
  });

  test('makes its folder again where somebody removed it', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 1000, instance: 'host/0a1b2c3d' });
    await using before = spool.file('.csv');
    await rm(spool.directory, { recursive: true });
    await write(before, Buffer.from('still here'));
    expect(readFileSync(before.path, 'utf8')).toBe('still here');
    await rm(spool.directory, { recursive: true });
    await using after = spool.file('.csv');
    await write(after, Buffer.from('here too'));
    expect(await readdir(spool.directory)).toContain('owner');
    expect(statSync(spool.temporaryDirectory).isDirectory()).toBe(true);
  });

  test('says why its folder cannot be used', async () => {
    await using base = await temporaryFolder();
    writeFileSync(join(base.path, 'file'), '');
    const opening = openSpool({ directory: join(base.path, 'file'), limit: 1, instance: 'host/0a1b2c3d' });
    await expect(opening).rejects.toMatchObject({
      code: 'SPOOL_FAILED',
      message: expect.stringContaining(join(base.path, 'file')),
      hint: expect.stringContaining('daemon.spool_dir'),
    });
  });
});

describe('the limit of a spool', () => {
  test('holds over all its files together, and the error says how much is needed', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 3_000_000, instance: 'host/0a1b2c3d' });
    await using first = spool.file('.csv');
    await using second = spool.file('.csv');
    await write(first, Buffer.alloc(2_000_000));
    await expect(write(second, Buffer.alloc(1_500_000))).rejects.toMatchObject({
      code: 'SPOOL_FULL',
      scope: 'period',
      retryable: true,
      message: 'the spool limit of 3.0 MB is reached: this file needs at least 1.5 MB, others hold 2.0 MB',
    });
  });

  test('lets the next file in once another one is gone', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 100, instance: 'host/0a1b2c3d' });
    const first = spool.file('.csv');
    await using second = spool.file('.csv');
    await write(first, Buffer.alloc(100));
    await expect(write(second, Buffer.alloc(1))).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    await first[Symbol.asyncDispose]();
    await write(second, Buffer.alloc(100));
    expect(statSync(second.path).size).toBe(100);
  });

  test('counts what another writer put there', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 100, instance: 'host/0a1b2c3d' });
    await using file = spool.file('.parquet');
    writeFileSync(file.path, Buffer.alloc(60));
    expect(await file.measure()).toBe(60);
    await using other = spool.file('.csv');
    await expect(write(other, Buffer.alloc(41))).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    writeFileSync(file.path, Buffer.alloc(101));
    await expect(file.measure()).rejects.toMatchObject({ code: 'SPOOL_FULL' });
  });

  test('never cuts a file short without a word: many small writes add up', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 1000, instance: 'host/0a1b2c3d' });
    await using file = spool.file('.csv');
    const chunks = Array.from({ length: 500 }, (_, index) => Buffer.from([index & 0xff, 1]));
    await write(file, ...chunks);
    expect(readFileSync(file.path)).toEqual(Buffer.concat(chunks));
    await expect(write(file, ...chunks, Buffer.from('x'))).rejects.toMatchObject({ code: 'SPOOL_FULL' });
  });
});

describe('a full disk', () => {
  test('is told of with what is needed, and the kernel is what says so', async () => {
    await using base = await temporaryFolder();
    await using spool = await openSpool({ directory: base.path, limit: 1e9, instance: 'host/0a1b2c3d' });
    await using file = spool.file('.csv');
    symlinkSync('/dev/full', file.path);
    await expect(write(file, Buffer.alloc(5_000_000))).rejects.toMatchObject({
      code: 'SPOOL_FULL',
      retryable: true,
      message: expect.stringMatching(/^the disk of .* is full: this file needs at least 5\.0 MB/),
      hint: expect.stringContaining('daemon.spool_dir'),
    });
  });

  test('lets others go on when space returns', async () => {
    await using disk = await smallDisk(1_000_000);
    await using spool = await openSpool({ directory: disk.path, limit: disk.limit, instance: 'host/0a1b2c3d' });
    const large = spool.file('.csv');
    await expect(write(large, Buffer.alloc(2_000_000))).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    await large[Symbol.asyncDispose]();
    await using small = spool.file('.csv');
    await write(small, Buffer.alloc(500_000));
    expect(statSync(small.path).size).toBe(500_000);
  });
});

describe('a start', () => {
  test('removes what a killed process of this host left behind', async () => {
    await using base = await temporaryFolder();
    const child = spawn(process.execPath, ['-e', '0']);
    await once(child, 'exit');
    const gone = leftover(base.path, 'host-11111111', { host: 'host', pid: child.pid, started: '123' });
    await using _spool = await openSpool({ directory: base.path, limit: 1, instance: 'host/0a1b2c3d' });
    expect(existsSync(gone)).toBe(false);
  });

  test('removes the folder of a process whose number another one has now: in a container every process is 1', async () => {
    await using base = await temporaryFolder();
    const gone = leftover(base.path, 'host-11111111', { host: 'host', pid: process.pid, started: '123' });
    await using _spool = await openSpool({ directory: base.path, limit: 1, instance: 'host/0a1b2c3d' });
    expect(existsSync(gone)).toBe(false);
  });

  test('leaves the folder of a process that is alive', async () => {
    await using base = await temporaryFolder();
    await using first = await openSpool({ directory: base.path, limit: 1, instance: 'host/11111111' });
    await using _second = await openSpool({ directory: base.path, limit: 1, instance: 'host/0a1b2c3d' });
    expect(existsSync(join(first.directory, 'owner'))).toBe(true);
  });

  test("leaves another host's folder for 24 h after its last write, then removes it", async () => {
    await using base = await temporaryFolder();
    const fresh = leftover(base.path, 'other-11111111', { host: 'other', pid: 1, started: '1' });
    const inUse = leftover(base.path, 'other-22222222', { host: 'other', pid: 1, started: '1' });
    const stale = leftover(base.path, 'other-33333333', { host: 'other', pid: 1, started: '1' });
    age(inUse);
    age(stale);
    writeFileSync(join(inUse, '000001.csv'), 'user_id\nu1\nu2\n');
    await using _spool = await openSpool({ directory: base.path, limit: 1, instance: 'host/0a1b2c3d' });
    expect([existsSync(fresh), existsSync(inUse), existsSync(stale)]).toEqual([true, true, false]);
  });

  test("never touches a folder that is not exportd's", async () => {
    await using base = await temporaryFolder();
    const foreign = join(base.path, 'host-44444444');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'owner'), 'root\n');
    mkdirSync(join(base.path, 'photos'));
    await using _spool = await openSpool({ directory: base.path, limit: 1, instance: 'host/0a1b2c3d' });
    expect(existsSync(join(foreign, 'owner'))).toBe(true);
    expect(existsSync(join(base.path, 'photos'))).toBe(true);
  });
});

/** A real disk of that size where this user may mount one, else the spool's own limit stands for it. */
async function smallDisk(size: number): Promise<AsyncDisposable & { readonly path: string; readonly limit: number }> {
  const folder = await temporaryFolder();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder.path]).status === 0;
  return {
    path: folder.path,
    limit: mounted ? 1e9 : size,
    async [Symbol.asyncDispose]() {
      if (mounted) spawnSync('umount', ['-l', folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}
