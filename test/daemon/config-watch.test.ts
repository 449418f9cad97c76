import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigWatch } from '../../src/daemon/config-watch.ts';
import { type Folder, folder, frame } from '../cli/exportd.ts';

describe('a config in force', () => {
  let place: Folder;
  let times = 0;
  beforeEach(() => {
    place = folder();
    mkdirSync(place.at('config'));
  });
  afterEach(() => place[Symbol.dispose]());

  /** Writes as an editor does; a clock of a coarse file system may not have moved since. */
  function write(name: string, text: string): void {
    writeFileSync(place.at(name), text);
    times += 1;
    utimesSync(place.at(name), times, times);
  }

  const watch = (env = {}) =>
    new ConfigWatch(
      place.at('config'),
      () => loadConfig(place.at('config'), { env }),
      (config) => config.need(config.jobs),
    );
  const jobs = (text: string) => frame({ job: text });

  test('is not read again while its files are the same', () => {
    write('config/a.yaml', jobs('window: { grain: day }'));
    const watched = watch();
    expect(watched.first().jobs).toHaveLength(1);
    expect(watched.again(false)).toBeUndefined();
    expect(watched.again(true)?.jobs).toHaveLength(1);
  });

  test('is another where a file changed, came or went, and has another version then', () => {
    write('config/a.yaml', jobs('window: { grain: day }'));
    const watched = watch();
    const { version } = watched.first();
    write('config/a.yaml', jobs('window: { grain: week }'));
    const changed = watched.again(false);
    expect(changed?.jobs[0]?.window.grain).toBe('week');
    expect(changed?.version).not.toBe(version);
    write('config/b.yaml', 'x-anchors: {}\n');
    expect(watched.again(false)).toBeDefined();
    rmSync(place.at('config/b.yaml'));
    expect(watched.again(false)).toBeDefined();
    write('config/a.yaml', jobs('window: { grain: day }'));
    expect(watched.again(false)?.version).toBe(version);
  });

  test('is the same where a file was only touched', () => {
    write('config/a.yaml', jobs('window: { grain: day }'));
    const watched = watch();
    watched.first();
    write('config/a.yaml', jobs('window: { grain: day }'));
    expect(watched.again(false)).toBeUndefined();
  });

  test('is another where the links of a Kubernetes ConfigMap lead elsewhere (case e08)', () => {
    for (const [version, grain] of [
      ['v1', 'day'],
      ['v2', 'week'],
    ] as const) {
      mkdirSync(place.at(`config/..${version}`));
      write(`config/..${version}/a.yaml`, jobs(`window: { grain: ${grain} }`));
    }
    symlinkSync('..v1', place.at('config/..data'));
    symlinkSync('..data/a.yaml', place.at('config/a.yaml'));
    const watched = watch();
    expect(watched.first().jobs[0]?.window.grain).toBe('day');
    symlinkSync('..v2', place.at('config/..new'));
    renameSync(place.at('config/..new'), place.at('config/..data'));
    expect(watched.again(false)?.jobs[0]?.window.grain).toBe('week');
  });

  test('is another where a secret file holds another secret, and its version does not tell of it', () => {
    write('key', 'first-key-of-acme');
    write('config/a.yaml', jobs('window: { grain: day }').replace(/api_key: "[^"]*"/, 'api_key: "${file:../key}"'));
    const watched = watch();
    const { version } = watched.first();
    write('key', 'other-key-of-acme');
    const rotated = watched.again(false);
    expect(rotated?.secrets().map((secret) => secret.reveal())).toEqual(['other-key-of-acme']);
    expect(rotated?.version).toBe(version);
  });

  test('stays where the new one is broken: that is said once, and the next change is read', () => {
    write('config/a.yaml', jobs('window: { grain: day }'));
    const watched = watch();
    watched.first();
    write('config/a.yaml', jobs('window: { grain: dayy }'));
    expect(() => watched.again(false)).toThrow('did you mean day?');
    expect(watched.again(false)).toBeUndefined();
    write('config/a.yaml', jobs('window: { grain: month }'));
    expect(watched.again(false)?.jobs[0]?.window.grain).toBe('month');
  });
});
