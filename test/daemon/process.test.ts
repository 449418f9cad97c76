/** `exportd start` as a process: signals, reloads, neighbours, a sleep. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { COMPILED, exportd, type Folder, folder, frame, MAIN } from '../cli/exportd.ts';
import { BROKEN, queryFile } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi, type UsageApi } from '../engines/usage-api.ts';
import { hold } from '../faults/holder.ts';
import { full } from '../faults/rounds.ts';

const KEY = 'the-api-key-of-acme';
const NEVER_DUE = 'schedule: "0 0 1 1 *", window: { grain: day, lookback: 2 }';
const EVERY_MINUTE = 'schedule: "* * * * *", window: { grain: day, lookback: 2 }';

/** As in a container: what follows is process 1 of a namespace of its own. */
const AS_FIRST = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', process.execPath];

/** The daemon itself, where it was started AS_FIRST; by its number out here. */
function childOf({ process: { pid } }: Running): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

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

  function start(command: readonly string[] = [process.execPath], config = 'exportd.yaml'): Running {
    const [program = '', ...before] = command;
    const child = spawn(program, [...before, MAIN, 'start', '--config', place.at(config)], {
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

  test('works as process 1: says in JSON what it does, commits at SIGTERM what has arrived, and ends with 0 within its grace (case e09)', async () => {
    configure(NEVER_DUE.replace('lookback: 2', 'lookback: 3'), 'listen: null, shutdown_grace: 5s');
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    api.fault({ kind: 'hang', match: `from":{"date":"${yesterday}`, times: 'always' });
    const daemon = start(AS_FIRST);
    await daemon.until({ event: 'config.loaded' });
    await vi.waitFor(
      () => expect(api.requests.filter(({ kind }) => kind === 'download').length).toBeGreaterThanOrEqual(1),
      { timeout: 20_000 },
    );
    const asked = performance.now();
    process.kill(childOf(daemon), 'SIGTERM');
    expect(await daemon.ended).toEqual({ exit: 0, signal: null, stderr: '' });
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect(daemon.said().at(-1)).toMatchObject({ event: 'stopped', clean: true });
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
    expect(await queryFile(place.at('out.duckdb'), 'SELECT count(*) > 0 FROM t')).toEqual([['true']]);
  });

  test('waits at SIGTERM for a commit that cannot begin yet, and exits at once at a second signal, also as process 1 (case e09, reliability 3)', async () => {
    configure(NEVER_DUE, 'listen: null, shutdown_grace: 10m');
    place.write(
      'exportd.yaml',
      readFileSync(place.at('exportd.yaml'), 'utf8').replace('_timeout: 1s', '_timeout: 10m'),
    );
    const slow = api.fault({ kind: 'hang', times: 'always' });
    const daemon = start(AS_FIRST);
    await api.seen(({ fault }) => fault === 'hang');
    await using _ = await hold(place.at('out.duckdb'), 'READ_WRITE');
    slow.lift();
    await vi.waitFor(() => expect(api.requests.filter(({ kind }) => kind === 'download')).toHaveLength(2), {
      timeout: 20_000,
    });
    const pid = childOf(daemon);
    process.kill(pid, 'SIGTERM');
    await daemon.until({ event: 'stopping' });
    process.kill(pid, 'SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 143 });
  });

  test('reads a ConfigMap and a secret again each time that they are swapped, and keeps the old one of a broken one (case e08, reliability 12)', async () => {
    /** As the kubelet does it: a new folder, and one link that leads to it. */
    const swap = (volume: string, version: string, file: string, content: string) => {
      mkdirSync(place.at(`${volume}/..${version}`), { recursive: true });
      place.write(`${volume}/..${version}/${file}`, content);
      symlinkSync(`..${version}`, place.at(`${volume}/..new`));
      renameSync(place.at(`${volume}/..new`), place.at(`${volume}/..data`));
      if (!existsSync(place.at(`${volume}/${file}`))) symlinkSync(`..data/${file}`, place.at(`${volume}/${file}`));
    };
    const job = (window: string) =>
      frame({ url: api.url, job: `schedule: "0 0 1 1 *", window: ${window}` })
        .replace('./out', place.at('out'))
        .replace('./spool', place.at('spool'))
        .replace('daemon: {', 'daemon: { listen: null,')
        .replace(/api_key: "[^"]*"/, `api_key: "\${file:${place.at('secret/key')}}"`);
    swap('secret', 'v1', 'key', 'an-old-key-of-acme');
    swap('config', 'v1', 'exportd.yaml', job('{ grain: day }'));
    const daemon = start(undefined, 'config');
    // In full the daemon finds out by itself.
    const hurry = () => full || daemon.process.kill('SIGHUP');
    await daemon.until({ event: 'run.finished' });
    expect(JSON.stringify(daemon.said())).toContain('UNAUTHORIZED');
    swap('secret', 'v2', 'key', KEY);
    hurry();
    await daemon.until({ event: 'period.done', outcome: 'loaded' });
    swap('config', 'v2', 'exportd.yaml', job('{ grain: dayy }'));
    hurry();
    await daemon.until({ event: 'config.broken' });
    expect(JSON.stringify(daemon.said())).toContain('did you mean day?');
    swap('config', 'v3', 'exportd.yaml', job('{ grain: day, begin: 2026-11-01 }'));
    hurry();
    await daemon.until({ event: 'config.loaded', msg: 'config reloaded', jobs: 1 }, 2);
    await daemon.until({ event: 'run.finished' }, 3);
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0 });
    expect(JSON.stringify(daemon.said())).not.toContain('an-old-key-of-acme');
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
  }, 120_000);

  test('beside another on the same config, and beside a person’s run, leaves every key whole, and each says that it is not alone (reliability 5)', async () => {
    configure(EVERY_MINUTE);
    const one = start();
    await one.until({ event: 'run.finished' });
    const two = start();
    await two.until({ msg: 'another exportd loads this table too' });
    const run = await exportd(['run', 'j', '--config', place.at('exportd.yaml')]);
    expect(run.exit).toBe(0);
    expect(run.stderr).toContain('another exportd');
    for (const daemon of [one, two]) daemon.process.kill('SIGHUP');
    await Promise.all([one, two].map((daemon) => daemon.until({ msg: 'config reloaded' })));
    for (const daemon of [one, two]) daemon.process.kill('SIGTERM');
    expect([await one.ended, await two.ended]).toMatchObject([{ exit: 0 }, { exit: 0 }]);
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
    expect(await queryFile(place.at('out.duckdb'), 'SELECT count(*), count(DISTINCT _load_id) FROM t')).toEqual([
      ['4', '2'],
    ]);
  });

  test('stays up where the warehouse is out of reach and the reader of its log has gone, and loads once it is back (case e14, reliability 16)', async () => {
    configure(EVERY_MINUTE);
    place.write(
      'exportd.yaml',
      readFileSync(place.at('exportd.yaml'), 'utf8').replace('./out.duckdb', './data/out.duckdb'),
    );
    place.write('data', 'a file where a folder is wanted');
    const daemon = start();
    await daemon.until({ event: 'period.done', outcome: 'failed' }, 2);
    daemon.process.stdout?.destroy();
    rmSync(place.at('data'));
    daemon.process.kill('SIGHUP');
    const loaded = async () => queryFile(place.at('data/out.duckdb'), 'SELECT count(*) FROM t');
    await vi.waitFor(async () => expect(await loaded()).toEqual([['4']]), { timeout: 20_000, interval: 100 });
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ exit: 0, stderr: '' });
  });

  // It waits for a minute to end.
  if (full) {
    test('that was stopped across a tick plans it once when it goes on (case e11, reliability 18)', async () => {
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
