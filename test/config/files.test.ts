import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { AROUND, folder, frame, load, refusal } from './frame.ts';

const jobs = (...names: string[]) =>
  `jobs:\n${names.map((name) => `  ${name}: { source: acme, data_type: users, destination: local, window: yesterday }\n`).join('')}`;

describe('a folder is read whole', () => {
  test('.yaml and .yml at any depth, other files not', () => {
    const config = load({
      'a.yaml': AROUND,
      'jobs/b.yml': jobs('b'),
      'jobs/deep/er/c.yaml': jobs('c'),
      'notes.txt': 'jobs: [',
      'x.yaml.bak': 'jobs: [',
    });
    expect(config.jobs.map((job) => job.name)).toEqual(['b', 'c']);
  });

  test('a mounted ConfigMap counts once, by its links (case e08)', () => {
    using there = folder({ '..2026_a/e.yaml': frame() });
    symlinkSync('..2026_a', join(there.path, '..data'));
    symlinkSync('..data/e.yaml', join(there.path, 'e.yaml'));
    expect(loadConfig(there.path, { env: {} }).jobs).toHaveLength(1);
  });

  test('a file that two links reach is read once, and circles end', () => {
    using there = folder({ 'e.yaml': frame() });
    symlinkSync('e.yaml', join(there.path, 'again.yaml'));
    symlinkSync('.', join(there.path, 'circle'));
    expect(loadConfig(there.path, { env: {} }).jobs).toHaveLength(1);
  });

  test('sections with everything commented out, and empty files, hold nothing', () => {
    expect(
      load({ 'a.yaml': frame(), 'b.yaml': 'jobs:\n  # x: {}\n', 'c.yaml': '', 'd.yaml': '# none\n' }).jobs,
    ).toHaveLength(1);
  });

  test('x- keys are ignored', () => {
    expect(
      load(
        `x-anything: { a: [1, \${NOT_SET_AND_NOT_USED }] }\n`.replace('${NOT_SET_AND_NOT_USED }', '"${N}"') + frame(),
      ).jobs,
    ).toHaveLength(1);
  });
});

describe('paths', () => {
  test('are relative to the file that they stand in', () => {
    using there = folder({
      'sub/d.yaml': 'destinations: { local: { type: duckdb, path: ../data/x.duckdb } }\n',
      'daemon/e.yaml': 'daemon: { spool_dir: spool }\n',
    });
    const config = loadConfig(there.path, { env: {} });
    const local = config.destinations.get('local');
    expect(relative(there.path, local?.type === 'duckdb' ? local.path : '')).toBe('data/x.duckdb');
    expect(relative(there.path, config.daemon.spoolDir ?? '')).toBe('daemon/spool');
  });

  test.each([':memory:', 'md:usage', '~/usage.duckdb'])('%s is no file for DuckDB', (path) => {
    expect(refusal(frame().replace('./out.duckdb', `"${path}"`)).lines[0]).toContain('path: ');
  });
});

describe('what cannot be read is said', () => {
  test('a path that leads nowhere', () => {
    expect(() => loadConfig('/nowhere/at/all', { env: {} })).toThrow(
      '/nowhere/at/all: cannot be read: there is no such file or folder',
    );
  });

  test('a folder without YAML', () => {
    expect(refusal({ 'x.txt': '' }).lines[0]).toContain(
      'holds no .yaml or .yml file; `exportd init` writes a first one',
    );
  });

  test('a file that is not UTF-8', () => {
    using there = folder({});
    writeFileSync(join(there.path, 'e.yaml'), Buffer.from('description: M\xfcller\n', 'latin1'));
    expect(() => loadConfig(there.path, { env: {} })).toThrow('e.yaml: is not UTF-8 text');
  });

  test('a link to nowhere beside a good file', () => {
    using there = folder({ 'e.yaml': frame() });
    mkdirSync(join(there.path, 'sub'));
    symlinkSync('gone.yaml', join(there.path, 'sub/b.yaml'));
    expect(() => loadConfig(there.path, { env: {} })).toThrow('b.yaml: cannot be read: there is no such file');
  });

  test('a config without jobs is warned about', () => {
    expect(load(AROUND).warnings.map(({ message }) => message)).toEqual([expect.stringContaining('has no jobs')]);
  });

  test('a version that is not ours', () => {
    expect(refusal(frame().replace('version: 1', 'version: 2')).lines).toEqual([
      'e.yaml:1:10: version: 1 expected; this exportd reads no other',
    ]);
  });
});
