import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startUsageApi } from '../engines/usage-api.ts';
import { exportd, folder, frame } from './exportd.ts';

const KEYS = { 'the-api-key-of-acme': ['USAGE_EXPORT_API'] };

test('doctor reaches every source and destination, says the tz database, and leaves nothing behind', async () => {
  await using api = await startUsageApi({ keys: KEYS });
  using place = folder({ 'exportd.yaml': frame({ url: api.url }) });
  const { exit, stdout } = await exportd(['doctor', '-c', place.at('exportd.yaml')]);
  expect(stdout).toContain(`tz database ${process.versions.tz}`);
  expect(stdout).toMatch(/^source acme\n {2}ok {6}export one day/m);
  expect(stdout).toMatch(
    /^destination local\n {2}ok {6}make and drop a table in .*out\.duckdb: the file is not there yet/m,
  );
  expect(stdout).toContain('Everything that the config names can be reached.');
  expect(exit).toBe(0);
  expect(existsSync(place.at('out.duckdb'))).toBe(false);
});

test('what is wrong is said with what to do, the rest is checked all the same, and the exit code is 1', async () => {
  await using api = await startUsageApi({ keys: { other: ['USAGE_EXPORT_API'] } });
  using place = folder({ 'exportd.yaml': frame({ url: api.url }), 'out.duckdb': 'no database' });
  const { exit, stdout } = await exportd(['doctor', '-o', 'json', '-c', place.at('exportd.yaml')]);
  const { findings, tz_database } = JSON.parse(stdout);
  expect(tz_database).toBe(process.versions.tz);
  const failed = findings.filter(({ ok }: { ok: boolean }) => !ok);
  expect(failed.map(({ name, error }: { name: string; error: { code: string } }) => [name, error.code])).toEqual([
    ['acme', 'UNAUTHORIZED'],
    ['local', 'DESTINATION_UNREACHABLE'],
  ]);
  expect(exit).toBe(1);
  expect(readFileSync(place.at('out.duckdb'), 'utf8')).toBe('no database');
});
