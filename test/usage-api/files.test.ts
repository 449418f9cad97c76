import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { Bytes } from '../../src/http/receive.ts';
import { openFiles } from '../../src/usage-api/files.ts';
import { folder } from '../cli/exportd.ts';
import { mayMount, smallDisk } from '../faults/small-disk.ts';

async function* bytes(...pieces: readonly string[]): Bytes {
  for (const piece of pieces) yield Buffer.from(piece);
}

async function* broken(): Bytes {
  yield Buffer.from('half of it');
  throw new RangeError('the source broke');
}

const HOUR = 3_600_000;

describe('CSV files', () => {
  test('are there whole, for their owner alone, under names of 128 bits', async () => {
    using place = folder();
    const files = openFiles(place.at('exports'), () => HOUR);
    const id = await files.write(bytes('a,b\r\n', '1,2\r\n'));
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    const opened = await files.open(id);
    expect(opened?.size).toBe(10);
    expect(opened && (await text(opened.file.createReadStream()))).toBe('a,b\r\n1,2\r\n');
    expect(statSync(place.at('exports')).mode & 0o777).toBe(0o700);
    expect(statSync(place.at(`exports/${id}.csv`)).mode & 0o777).toBe(0o600);
  });

  test('are not there at all where their bytes broke off', async () => {
    using place = folder();
    const files = openFiles(place.at('exports'), () => HOUR);
    await expect(files.write(broken())).rejects.toThrow('the source broke');
    expect(readdirSync(place.at('exports'))).toEqual([]);
  });

  test.each(['../secret', '..', '', 'a'.repeat(32).toUpperCase().replaceAll('A', 'G'), `${'a'.repeat(32)}/../x`])(
    'are opened by their ids alone: %j',
    async (id) => {
      using place = folder({ 'secret.csv': 'x' });
      mkdirSync(place.at('exports'));
      expect(await openFiles(place.at('exports'), () => HOUR).open(id)).toBeUndefined();
    },
  );

  test('go when they have had their time, half ones of a killed process too, and nothing else does', async () => {
    using place = folder();
    const files = openFiles(place.at('exports'), () => HOUR);
    const [old, fresh] = [await files.write(bytes('old')), await files.write(bytes('fresh'))];
    const killed = `${'0'.repeat(32)}.csv.part`;
    for (const name of [killed, 'readme.csv', 'notes.txt']) writeFileSync(place.at(`exports/${name}`), '');
    const now = Date.now();
    const long = new Date(now - HOUR - 60_000);
    for (const name of [`${old}.csv`, killed, 'readme.csv', 'notes.txt'])
      utimesSync(place.at(`exports/${name}`), long, long);
    const reading = await files.open(old);
    await files.sweep(now);
    expect(readdirSync(place.at('exports')).sort()).toEqual([`${fresh}.csv`, 'notes.txt', 'readme.csv'].sort());
    // Whoever has it open reads it to its end.
    expect(reading && (await text(reading.file.createReadStream()))).toBe('old');
    expect(await files.open(old)).toBeUndefined();
  });

  test('that cannot be written answer 503', async () => {
    using place = folder({ exports: 'a file in the place of the folder' });
    const files = openFiles(place.at('exports'), () => HOUR);
    await expect(files.write(bytes('x'))).rejects.toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
    await expect(files.probe()).rejects.toMatchObject({ status: 503 });
  });

  test.runIf(mayMount)('on a full disk answer 503 and leave nothing; there is room again for the next', async () => {
    using place = folder();
    using disk = smallDisk(place.at('disk'), 1);
    const files = openFiles(place.at('disk/exports'), () => HOUR);
    const large = () => bytes(...Array.from({ length: 20 }, () => 'x'.repeat(100_000)));
    await expect(files.write(large())).rejects.toMatchObject({
      status: 503,
      message: 'The server has no room for this export at the moment.',
    });
    expect(readdirSync(place.at('disk/exports'))).toEqual([]);
    await files.write(bytes('small'));
    disk.grow(16);
    await files.write(large());
    expect(existsSync(place.at('disk/exports'))).toBe(true);
  });
});
