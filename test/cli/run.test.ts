import { describe, expect, test } from 'vitest';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi, type UsageApi, type UsageApiOptions } from '../engines/usage-api.ts';
import { exportd, type Folder, folder, frame } from './exportd.ts';

const KEY = 'the-api-key-of-acme';

interface World extends AsyncDisposable {
  readonly api: UsageApi;
  readonly place: Folder;
  /** One command on the config, written with these changes. */
  exportd(...words: string[]): ReturnType<typeof exportd>;
}

/** The API, a folder with a config that names it, and exportd on that config. */
async function world(changes: Parameters<typeof frame>[0] = {}, options: UsageApiOptions = {}): Promise<World> {
  const api = await startUsageApi({
    keys: { [KEY]: ['USAGE_EXPORT_API'] },
    rows: plainUsage({ rows: 20 }),
    ...options,
  });
  const place = folder({ 'exportd.yaml': frame({ url: api.url, ...changes }) });
  return {
    api,
    place,
    exportd: (...words) => exportd([...words, '-c', place.at('exportd.yaml')]),
    async [Symbol.asyncDispose]() {
      place[Symbol.dispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

describe('exportd run', () => {
  test('loads what is due, says so in a table, and finds nothing changed the second time', async () => {
    await using w = await world({ job: 'window: last 3 days' });
    const first = await w.exportd('run');
    expect(first.stdout).toMatch(/^job +loaded +rows loaded\nj +3 +60$/m);
    expect(first.exit).toBe(0);
    const second = await w.exportd('run');
    expect(second.stdout).toMatch(/^job +unchanged +rows loaded\nj +3 +0$/m);
    expect(second.exit).toBe(0);
  });

  test('tells a failed period with its error and what to do, and exits with 1; the others are loaded', async () => {
    await using w = await world({ job: 'window: last 3 days' });
    w.api.fault({ kind: 'too-large' });
    const { exit, stdout } = await w.exportd('run');
    expect(stdout).toMatch(/^j +2 +1 +40$/m);
    expect(stdout).toMatch(/^Failed: j \d{4}-\d\d-\d\d\n {2}error USAGE_EXPORT_TOO_LARGE: .*\n {4}hint: /m);
    expect(exit).toBe(1);
  });

  test('holds a period that lost nearly all its rows, exits with 1, and lets it through when told to', async () => {
    let rows = 20;
    await using w = await world({}, { rows: (request) => plainUsage({ rows })(request) });
    await w.exportd('run');
    rows = 1;
    const held = await w.exportd('run');
    expect(held.stdout).toMatch(/^Held: j .*\n {2}error SHRUNK: /m);
    expect(held.exit).toBe(1);
    const accepted = await w.exportd('run', '--accept-held');
    expect(accepted.stdout).toContain('20 → 1 row');
    expect(accepted.exit).toBe(0);
  });

  test('tells which periods were restated', async () => {
    let edition = 0;
    await using w = await world({}, { rows: (request) => plainUsage({ rows: 20, edition })(request) });
    await w.exportd('run');
    edition = 1;
    const { stdout } = await w.exportd('run');
    expect(stdout).toMatch(/^Restated: .*\n {2}j \d{4}-\d\d-\d\d {2}20 rows, other sums of messages_total$/m);
  });

  test('tells of a period that was restated in two tables for each', async () => {
    let edition = 0;
    await using w = await world(
      {
        more: '  k: { source: acme, data_type: users, destination: local, table: u, window: { grain: day }, timezone: Europe/Berlin }',
      },
      { rows: (request) => plainUsage({ rows: 20, edition })(request) },
    );
    await w.exportd('run');
    edition = 1;
    const { stdout } = await w.exportd('run');
    expect(stdout).toMatch(/^Restated: usage of 2 periods/m);
  });

  test('--from and --to load just those periods', async () => {
    await using w = await world();
    const { stdout, exit } = await w.exportd('run', 'j', '--from', '2026-11-01', '--to', '2026-11-03', '-o', 'json');
    expect(exit).toBe(0);
    expect(
      JSON.parse(stdout)
        .periods.map((period: { period_key: string }) => period.period_key)
        .sort(),
    ).toEqual([
      'acme/users/2026-11-01/2026-11-02@Europe/Berlin',
      'acme/users/2026-11-02/2026-11-03@Europe/Berlin',
      'acme/users/2026-11-03/2026-11-04@Europe/Berlin',
    ]);
  });

  test('--output json is one document of the promised shape, and stderr is silent when all is well', async () => {
    await using w = await world();
    const { exit, stdout, stderr } = await w.exportd('run', '-o', 'json');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      run_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      interrupted: false,
      outcomes: { loaded: 1, unchanged: 0, empty: 0, forgotten: 0, failed: 0, held: 0, skipped: 0 },
      periods: [{ job: 'j', period_key: expect.any(String), outcome: 'loaded', row_count: 20, error: null }],
      unplanned: [],
    });
  });

  test('--output json --log-level debug: every line on stderr is a JSON line, with the names of the ledger', async () => {
    await using w = await world();
    const { stderr } = await w.exportd('run', '-o', 'json', '--log-level', 'debug');
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.event)).toEqual(
      expect.arrayContaining([
        'run.planned',
        'period.extracted',
        'batch.committing',
        'batch.committed',
        'period.done',
        'run.finished',
      ]),
    );
    const done = lines.find((line) => line.event === 'period.done');
    expect(done).toMatchObject({
      level: 'info',
      job: 'j',
      outcome: 'loaded',
      row_count: 20,
      run_id: expect.any(String),
    });
    expect(new Date(done.time).toISOString()).toBe(done.time);
  });

  test('a disabled job runs when it is named, and only then', async () => {
    await using w = await world({ job: 'window: { grain: day }, enabled: false' });
    expect((await w.exportd('run')).stdout).toContain('Nothing was done.');
    expect((await w.exportd('run', 'j')).stdout).toMatch(/^j +1 +20$/m);
  });

  test('--dry-run shows the plan and asks no source', async () => {
    await using w = await world();
    const { exit, stdout } = await w.exportd('run', '--dry-run');
    expect(exit).toBe(0);
    expect(stdout).toContain('1 request for 1 job');
    expect(w.api.requests).toEqual([]);
  });

  test.each([['text'], ['json']])('a secret that a server quotes is in no output (%s)', async (format) => {
    await using w = await world();
    const body = { message: `malformed header: Bearer ${KEY}`, code: 'BAD_REQUEST' };
    w.api.fault({ kind: 'status', status: 400, body, times: 'always' });
    const { exit, stdout, stderr } = await w.exportd('run', '-o', format, '--log-level', 'trace');
    expect(exit).toBe(1);
    expect(stdout + stderr).not.toContain(KEY);
  });
});

describe('exportd backfill', () => {
  test('fills holes, new to old, and asks again for nothing that is there', async () => {
    await using w = await world({ job: 'window: { grain: day, begin: 2026-11-01 }' });
    const to = ['--to', '2026-11-10'];
    const dry = await w.exportd('backfill', 'j', ...to, '--dry-run');
    expect(dry.stdout).toContain('10 periods, 0 loaded, 10 requests');
    expect(w.api.requests).toEqual([]);
    expect((await w.exportd('backfill', 'j', ...to)).stdout).toMatch(/^j +10 +200$/m);
    expect((await w.exportd('backfill', 'j', ...to)).stdout).toContain('Nothing was due.');
    expect((await w.exportd('backfill', 'j', ...to, '--all')).stdout).toMatch(/^j +10 +0$/m);
  });

  test('--failed takes just what failed the last time', async () => {
    await using w = await world({ job: 'window: { grain: day, begin: 2026-11-01 }' });
    w.api.fault({ kind: 'too-large', match: '2026-11-05' });
    const to = ['--to', '2026-11-10'];
    expect((await w.exportd('backfill', 'j', ...to)).exit).toBe(1);
    const { exit, stdout } = await w.exportd('backfill', 'j', ...to, '--failed', '-o', 'json');
    expect(exit).toBe(0);
    expect(JSON.parse(stdout).periods).toMatchObject([
      { period_key: 'acme/users/2026-11-05/2026-11-06@Europe/Berlin', outcome: 'loaded' },
    ]);
  });
});

describe('exportd status', () => {
  test('tells per job what is in, what is missing and what failed; and tables whose job is gone', async () => {
    await using w = await world({ job: 'window: { grain: day, lookback: 3 }, schedule: "15 6 * * *"' });
    await w.exportd('run');
    const { exit, stdout } = await w.exportd('status', '-o', 'json');
    expect(exit).toBe(0);
    const [job] = JSON.parse(stdout).jobs;
    expect(job).toMatchObject({
      job: 'j',
      state: 'fresh',
      missing: 0,
      provisional: 0,
      failed: 0,
      held: 0,
      stale: false,
      orphaned: false,
    });
    expect(job.next_ticks).toHaveLength(5);
    expect(job.newest_closed).toMatch(/^\d{4}-\d\d-\d\d$/);
    w.place.write('exportd.yaml', frame({ url: w.api.url }).replace('  j:', '  k:').replace('table: t', 'table: u'));
    const after = await w.exportd('status');
    expect(after.stdout).toMatch(/^k +never loaded/m);
    expect(after.stdout).toMatch(/^Orphaned: .*\n {2}local, table t: last loaded by j at /m);
  });
});

describe('exportd preview', () => {
  test('prints a typed table of what would land, loads nothing and opens no destination', async () => {
    await using w = await world({ job: 'window: { grain: day }, columns: { drop: [name] }' });
    const { exit, stdout } = await w.exportd('preview', 'j', '--limit', '3');
    expect(exit).toBe(0);
    const [head = '', types = '', ...rest] = stdout.split('\n');
    expect(head).toContain('user_id');
    expect(head).not.toMatch(/\bname\b/);
    expect(types).toContain('integer');
    expect(rest.slice(0, 3).join('\n')).toContain('u000000');
    expect(stdout).toMatch(/3 of 20 rows of acme\/users\/.*Nothing was loaded\.\n$/);
    expect((await w.exportd('status')).stdout).toMatch(/^j +never loaded/m);
  });
});
