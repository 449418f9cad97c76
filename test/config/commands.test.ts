import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exportd } from '../cli/exportd.ts';
import { folder, frame } from './frame.ts';

describe('exportd validate', () => {
  test('says what it found', async () => {
    using there = folder({ 'e.yaml': frame() });
    expect(await exportd(['validate', '--config', there.path])).toEqual({
      exit: 0,
      stdout: 'ok: 1 job, 1 source, 1 destination\n',
      stderr: '',
    });
  });

  test('shows every error at its place, and exits with 2', async () => {
    using there = folder({ 'e.yaml': frame({ tabel: 'x', enabled: 'yes' }) });
    const { exit, stdout, stderr } = await exportd(['validate', '-c', join(there.path, 'e.yaml')]);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain('e.yaml:13:5: unknown key tabel: did you mean table?\n  13 |     tabel: x\n');
    expect(stderr).toContain('error CONFIG_INVALID: 2 errors in the config');
  });

  test('needs every variable; --no-env none', async () => {
    using there = folder({ 'e.yaml': frame({ description: '${NOT_SET}' }) });
    const words = ['validate', '-c', there.path];
    expect((await exportd(words)).stderr).toContain('13:18: variable NOT_SET is not set');
    expect((await exportd([...words, '--no-env'])).exit).toBe(0);
    expect((await exportd(words, { NOT_SET: 'x' })).exit).toBe(0);
  });

  test('as JSON is one document either way', async () => {
    using there = folder({ 'good.yaml': frame({ columns: '{ drop: [emial] }' }), 'bad.txt': frame({ tabel: 'x' }) });
    const good = JSON.parse((await exportd(['validate', '-o', 'json', '-c', there.path])).stdout);
    expect(good).toMatchObject({
      jobs: ['j'],
      sources: ['acme'],
      destinations: ['local'],
      problems: [{ severity: 'warning' }],
    });
    const bad = JSON.parse((await exportd(['validate', '-o', 'json', '-c', join(there.path, 'bad.txt')])).stdout);
    expect(bad.error).toMatchObject({ code: 'CONFIG_INVALID', problems: [{ severity: 'error', line: 13, column: 5 }] });
  });
});

describe('exportd init', () => {
  test('writes a config that is valid, its schema, and says what to do next', async () => {
    using there = folder({});
    const target = join(there.path, 'mine');
    const { exit, stdout } = await exportd(['init', target]);
    expect(exit).toBe(0);
    expect(stdout).toContain(`exportd validate --config ${target}`);
    expect((await exportd(['validate', '-c', target], { ODEUS_API_KEY: 'k' })).exit).toBe(0);
    expect(JSON.parse(readFileSync(join(target, 'exportd.schema.json'), 'utf8'))).toHaveProperty('properties.jobs');
  });

  test('overwrites nothing', async () => {
    using there = folder({ 'exportd.yaml': 'mine' });
    const { exit, stderr } = await exportd(['init', there.path]);
    expect(exit).not.toBe(0);
    expect(stderr).toContain('exportd.yaml is there already; nothing was written');
    expect(readFileSync(join(there.path, 'exportd.yaml'), 'utf8')).toBe('mine');
  });
});

test('exportd schema prints the schema that is in config/', async () => {
  const { stdout } = await exportd(['schema']);
  expect(stdout).toBe(readFileSync(new URL('../../config/exportd.schema.json', import.meta.url), 'utf8'));
});
