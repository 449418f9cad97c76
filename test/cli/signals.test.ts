import { describe, expect, test } from 'vitest';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi } from '../engines/usage-api.ts';
import { exportd, folder, frame, start } from './exportd.ts';

const KEY = 'the-api-key-of-acme';
const api = () => startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: plainUsage({ rows: 20 }) });

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s starts no new period, commits what has arrived, and exits with %i', async (signal, code) => {
    await using usage = await api();
    using place = folder({ 'exportd.yaml': frame({ url: usage.url, job: 'window: last 5 days' }) });
    // One period hangs; the others arrive and wait for it in their batch.
    usage.fault({ kind: 'hang' });
    const run = start(['run', '-c', place.at('exportd.yaml'), '--log-level', 'debug']);
    await run.said('"event":"period.extracted"', 4);
    run.process.kill(signal);
    const { exit, stdout, stderr } = await run.ended;
    expect(stderr).toContain('stopping: no new period starts, what has arrived is committed (again to stop at once)');
    expect(stdout).toContain('Interrupted: the same command goes on where this one stopped.');
    expect(exit).toBe(code);
    // The same command goes on: what was committed is unchanged, the rest is loaded.
    const { stdout: after } = await exportd(['run', '-c', place.at('exportd.yaml'), '-o', 'json']);
    const { outcomes } = JSON.parse(after);
    expect(outcomes).toMatchObject({ unchanged: 4, loaded: 1 });
  });

  test('a second one ends the process at once', async () => {
    await using usage = await api();
    using place = folder({ 'exportd.yaml': frame({ url: usage.url }) });
    usage.fault({ kind: 'hang', times: 'always' });
    const run = start(['run', '-c', place.at('exportd.yaml')]);
    await usage.seen((seen) => seen.kind === 'export');
    run.process.kill('SIGINT');
    run.process.kill('SIGTERM');
    const { exit, stdout } = await run.ended;
    expect([130, 143]).toContain(exit);
    expect(stdout).not.toContain('error');
  });

  test('ends a preview that waits for its answer, and leaves nothing in the spool', async () => {
    await using usage = await api();
    using place = folder({ 'exportd.yaml': frame({ url: usage.url }) });
    usage.fault({ kind: 'hang', times: 'always' });
    const run = start(['preview', 'j', '-c', place.at('exportd.yaml'), '-o', 'json']);
    await usage.seen((seen) => seen.kind === 'export');
    run.process.kill('SIGTERM');
    const { exit, stdout } = await run.ended;
    expect(JSON.parse(stdout).error.code).toBe('INTERRUPTED');
    expect(exit).toBe(143);
  });
});
