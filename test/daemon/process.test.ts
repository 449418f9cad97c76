/** `exportd start` as a process: signals, reloads, neighbours, a sleep. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { COMPILED, exportd, type Folder, folder, frame, MAIN } from '../cli/exportd.ts';
import { BROKEN, queryFile } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi, type UsageApi } from '../engines/usage-api.ts';
import { full } from '../faults/rounds.ts';

const KEY = 'the-api-key-of-acme';
const NEVER_DUE = 'schedule: "0 0 1 1 *", window: { grain: day, lookback: 2 }';
const EVERY_MINUTE = 'schedule: "* * * * *", window: { grain: day, lookback: 2 }';

interface Running {
  readonly process: ChildProcess;
  readonly said: () => Record<string, unknown>[];
  readonly ended: Promise<{
    readonly exit: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly stderr: string;
  }>;
  /** Waits until a log line is there that has these fields. */
  until(fields: object, times?: number): Promise<void>;
}

describe('exportd start', () => {
  let api: UsageApi;
  let place: Folder;
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    api = await startUsageApi({
      keys: { [KEY]: ['USAGE_EXPORT_API'] },
      historyMonths: null,
      rateLimit: null,
      rows: plainUsage({ rows: 2 }),
    });
    place = folder();
  });
  afterEach(async () => {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
    place[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });

  const configure = (job: string, more = 'listen: null') =>
    place.write('exportd.yaml', frame({ url: api.url, job }).replace('daemon: {', `daemon: { ${more},`));

  function start(command: readonly string[] = [process.execPath]): Running {
    const [program = '', ...before] = command;
    const child = spawn(program, [...before, MAIN, 'start', '--config', place.at('exportd.yaml')], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILED },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let [out, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (out += piece));
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
    const said = () =>
      out
        .split('\n')
        .flatMap((line) =>
          line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as Record<string, unknown>] : [],
        );
    return {
      process: child,
      said,
      ended: once(child, 'close').then(() => ({ exit: child.exitCode, signal: child.signalCode, stderr })),
      until: (fields, times = 1) =>
        vi.waitFor(
          () =>
            expect(
              said().filter((line) => Object.entries(fields).every(([name, value]) => line[name] === value)).length,
            ).toBeGreaterThanOrEqual(times),
          { timeout: 20_000, interval: 20 },
        ),
    };
  }

  test('loads what is due, says so in JSON on stdout, and ends with 0 at SIGTERM', async () => {
    configure(NEVER_DUE.replace('lookback: 2', 'lookback: 2, begin: 2026-11-01'));
    const daemon = start();
    await daemon.until({ event: 'run.finished' });
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended).toEqual({ exit: 0, signal: null, stderr: '' });
    expect(daemon.said().at(-1)).toMatchObject({ event: 'stopped', clean: true });
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
  });

  test('commits at SIGTERM what has arrived, and exits within its grace', async () => {
    configure(NEVER_DUE, 'listen: null, shutdown_grace: 5s');
    api.fault({ kind: 'hang', match: new Date(Date.now() - 86_400_000).toISOString().slice(0, 10), times: 'always' });
    const daemon = start();
    await vi.waitFor(
      () => expect(api.requests.filter(({ kind }) => kind === 'download').length).toBeGreaterThanOrEqual(1),
      { timeout: 20_000 },
    );
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0 });
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
  });

  test('exits at once at a second signal', async () => {
    configure(NEVER_DUE, 'listen: null, shutdown_grace: 10m');
    const daemon = start();
    await daemon.until({ event: 'run.finished' });
    daemon.process.kill('SIGTERM');
    daemon.process.kill('SIGTERM');
    expect([0, 143]).toContain((await daemon.ended).exit);
  });

  test('works as process 1 of a container', async () => {
    configure(NEVER_DUE);
    const daemon = start(['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', process.execPath]);
    await daemon.until({ event: 'run.finished' });
    const pid = readFileSync(`/proc/${daemon.process.pid}/task/${daemon.process.pid}/children`, 'utf8').trim();
    process.kill(Number(pid), 'SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0 });
    expect(daemon.said().at(-1)).toMatchObject({ event: 'stopped', clean: true });
  });

  test('reads a new config at SIGHUP, and keeps the old one where the new one is broken', async () => {
    configure(NEVER_DUE);
    const daemon = start();
    await daemon.until({ event: 'run.finished' });
    place.write('exportd.yaml', readFileSync(place.at('exportd.yaml'), 'utf8').replace('grain: day', 'grain: dayy'));
    daemon.process.kill('SIGHUP');
    await daemon.until({ event: 'config.broken' });
    expect(JSON.stringify(daemon.said())).toContain('did you mean day?');
    configure(NEVER_DUE.replace('lookback: 2', 'lookback: 2, begin: 2026-11-01'));
    daemon.process.kill('SIGHUP');
    await daemon.until({ event: 'run.finished' }, 2);
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0 });
  });

  test('takes a rotated key from its file without a restart (reliability 12)', async () => {
    place.write('key', 'an-old-key-of-acme');
    place.write(
      'exportd.yaml',
      frame({ url: api.url, job: EVERY_MINUTE })
        .replace('daemon: {', 'daemon: { listen: null,')
        .replace(/api_key: "[^"]*"/, 'api_key: "${file:key}"'),
    );
    const daemon = start();
    await daemon.until({ event: 'run.finished' });
    expect(JSON.stringify(daemon.said())).toContain('UNAUTHORIZED');
    expect(JSON.stringify(daemon.said())).not.toContain('an-old-key-of-acme');
    place.write('key', KEY);
    daemon.process.kill('SIGHUP');
    await daemon.until({ event: 'period.done', outcome: 'loaded' }, 2);
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0 });
  });

  test('and another on the same config leave every key whole, and who sees rows of the other says so (reliability 5)', async () => {
    configure(EVERY_MINUTE);
    const one = start();
    await one.until({ event: 'run.finished' });
    const two = start();
    await two.until({ msg: 'another exportd loads this table too' });
    for (const daemon of [one, two]) daemon.process.kill('SIGHUP');
    await Promise.all([one, two].map((daemon) => daemon.until({ msg: 'config reloaded' })));
    for (const daemon of [one, two]) daemon.process.kill('SIGTERM');
    expect([await one.ended, await two.ended]).toMatchObject([{ exit: 0 }, { exit: 0 }]);
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
    expect(await queryFile(place.at('out.duckdb'), 'SELECT count(*), count(DISTINCT _load_id) FROM t')).toEqual([
      ['4', '2'],
    ]);
  });

  test('beside a person’s run leaves every key whole, and the run says that a daemon is there', async () => {
    configure(NEVER_DUE);
    const daemon = start();
    await daemon.until({ event: 'run.finished' });
    const run = await exportd(['run', 'j', '--config', place.at('exportd.yaml')]);
    expect(run.exit).toBe(0);
    expect(run.stderr).toContain('another exportd');
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0 });
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
  });

  test('stays up where the source and the warehouse are out of reach, and loads once they are back (reliability 16)', async () => {
    configure(EVERY_MINUTE, 'listen: null');
    place.write(
      'exportd.yaml',
      readFileSync(place.at('exportd.yaml'), 'utf8').replace('./out.duckdb', './data/out.duckdb'),
    );
    place.write('data', 'a file where a folder is wanted');
    const daemon = start();
    await daemon.until({ event: 'period.done', outcome: 'failed' }, 2);
    rmSync(place.at('data'));
    daemon.process.kill('SIGHUP');
    await daemon.until({ event: 'period.done', outcome: 'loaded' }, 2);
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0 });
  });

  // It waits for a minute to end.
  if (full) {
    test('that was stopped across a tick plans it once when it goes on (reliability 18)', async () => {
      configure(EVERY_MINUTE);
      const daemon = start();
      await daemon.until({ event: 'run.finished' });
      const started = daemon.said().filter(({ event }) => event === 'run.finished').length;
      daemon.process.kill('SIGSTOP');
      const minute = Math.floor(Date.now() / 60_000);
      await vi.waitFor(() => expect(Math.floor(Date.now() / 60_000)).toBeGreaterThan(minute), {
        timeout: 61_000,
        interval: 200,
      });
      daemon.process.kill('SIGCONT');
      await daemon.until({ event: 'run.finished' }, started + 1);
      daemon.process.kill('SIGTERM');
      expect(await daemon.ended).toMatchObject({ exit: 0 });
      expect(daemon.said().filter(({ event }) => event === 'run.finished')).toHaveLength(started + 1);
    }, 90_000);
  }

  test('says which address is taken where its port is in use, and ends', async () => {
    const taken = createServer();
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    const address = taken.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    configure(NEVER_DUE, `listen: "127.0.0.1:${port}"`);
    const ended = await start().ended;
    taken.close();
    expect(ended.exit).not.toBe(0);
    expect(ended.stderr).toContain(`127.0.0.1:${port}`);
  });

  test('says what is missing where a secret file cannot be read, and ends with 2', async () => {
    place.write(
      'exportd.yaml',
      frame({ url: api.url, job: NEVER_DUE }).replace(/api_key: "[^"]*"/, 'api_key: "${file:nowhere}"'),
    );
    expect(await start().ended).toMatchObject({ exit: 2, stderr: expect.stringContaining('nowhere') });
  });
});
