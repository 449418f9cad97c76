/** Hostile and broken answers, end to end: a retry or a clear error, never part of a period (reliability 7, 8, 9, 20). */
import { describe, expect, test } from 'vitest';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import type { Fault } from '../engines/usage-api.ts';
import { KEY, world } from './world.ts';

const DAY = ['--from', '2026-03-02', '--to', '2026-03-02'];
const rows = plainUsage({ rows: 200 });

/** A day of March of its own for each fault, so that one run meets all of them. */
const byDate = <T>(faults: readonly T[]) =>
  new Map(faults.map((fault, n) => [`2026-03-${String(n + 1).padStart(2, '0')}`, fault]));

const PASSING = byDate<Fault>([
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, headers: { 'retry-after': '0' } },
  { kind: 'html' },
  { kind: 'html', status: 503, on: 'download' },
  { kind: 'rate-limited', retryAfter: '0' },
  { kind: 'reset' },
  { kind: 'reset', on: 'download' },
  { kind: 'cut' },
  { kind: 'cut-at-record' },
  { kind: 'cut-in-record' },
  { kind: 'longer' },
  { kind: 'wrong-count', by: 1 },
  { kind: 'wrong-count', by: -1 },
  { kind: 'gzip-cut' },
  { kind: 'expired' },
]);

test('a fault that passes costs a retry: every period lands whole (case b11)', async () => {
  await using w = await world({ rows });
  const planted = [...PASSING].map(([date, fault]) => w.api.fault({ ...fault, match: date }));
  const run = await w.run('run', 'j', '--from', '2026-03-01', '--to', '2026-03-15');
  expect(planted.map(({ hits }) => hits)).toEqual(planted.map(() => 1));
  expect(run).toMatchObject({ exit: 0, outcomes: { loaded: 15 } });
  expect(await w.query('SELECT count(*), count(DISTINCT _period_key) FROM t')).toEqual([['3000', '15']]);
  expect(await w.broken()).toEqual([]);
});

const LASTING = byDate<{ fault: Fault; code: string }>([
  { fault: { kind: 'status', status: 500 }, code: 'SOURCE_ERROR' },
  { fault: { kind: 'too-large' }, code: 'USAGE_EXPORT_TOO_LARGE' },
  { fault: { kind: 'cut' }, code: 'BODY_SHORT' },
  { fault: { kind: 'cut-at-record' }, code: 'BODY_SHORT' },
  { fault: { kind: 'cut-in-record' }, code: 'BODY_SHORT' },
  { fault: { kind: 'longer' }, code: 'BODY_SHORT' },
  { fault: { kind: 'gzip-cut' }, code: 'BODY_SHORT' },
  { fault: { kind: 'answer', set: { downloadUrl: 'file:///etc/passwd' } }, code: 'DOWNLOAD_REFUSED' },
  { fault: { kind: 'answer', set: { downloadUrl: 'http://169.254.169.254/' } }, code: 'DOWNLOAD_REFUSED' },
  { fault: { kind: 'redirect', on: 'download', to: 'http://169.254.169.254/' }, code: 'DOWNLOAD_REFUSED' },
]);

test('a fault that lasts fails its own period alone, by name, and the old rows stay', async () => {
  let edition = 0;
  await using w = await world({ rows: (request) => plainUsage({ rows: 200, edition })(request) });
  const days = ['--from', '2026-03-01', '--to', '2026-03-11'];
  const old = `SELECT * FROM t WHERE _period_date < '2026-03-11' ORDER BY ALL`;
  await w.run('run', 'j', ...days);
  const before = await w.query(old);
  edition = 1;
  for (const [match, { fault }] of LASTING) w.api.fault({ ...fault, match, times: 'always' });
  const failed = await w.run('run', 'j', ...days);
  expect(failed.exit).toBe(1);
  for (const [date, { code }] of LASTING) expect(failed.periods.get(date), date).toEqual({ outcome: 'failed', code });
  expect(failed.periods.get('2026-03-11')).toEqual({ outcome: 'loaded', code: undefined });
  expect(await w.query(old)).toEqual(before);
  expect(await w.broken()).toEqual([]);
  expect(failed.said).not.toContain(KEY);
});

describe.each([
  { fault: { kind: 'html', status: 404 }, code: 'WRONG_URL' },
  { fault: { kind: 'redirect', to: 'https://example.com/export/users/csv' }, code: 'REDIRECTED' },
  {
    fault: { kind: 'status', status: 401, body: { message: 'The provided API key is invalid.' } },
    code: 'UNAUTHORIZED',
  },
  { fault: { kind: 'status', status: 403, body: { message: 'No.', code: 'FORBIDDEN' } }, code: 'FORBIDDEN' },
] as readonly { fault: Fault; code: string }[])('where the route answers with $code', ({ fault, code }) => {
  test('nothing becomes empty, and the period fails by that name', async () => {
    await using w = await world({ rows });
    await w.run('run', 'j', ...DAY);
    w.api.fault({ ...fault, times: 'always' });
    const failed = await w.run('run', 'j', ...DAY);
    expect(failed.periods.get('2026-03-02')).toEqual({ outcome: 'failed', code });
    expect(await w.query('SELECT count(*) FROM t')).toEqual([['200']]);
    expect(failed.said).not.toContain(KEY);
  });
});

test('a 401 in the middle of a backfill stops the source: nothing is hammered, what had arrived is kept', async () => {
  await using w = await world({ rows });
  w.api.fault({ kind: 'status', status: 401, match: '2026-02-2', times: 'always' });
  const stopped = await w.run('backfill', 'j', '--from', '2026-01-01', '--to', '2026-03-10');
  expect(stopped.exit).toBe(1);
  // Those that were on their way, 8 at once; each may let one more slip out before its answer is understood.
  expect(w.api.requests.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(16);
  expect(stopped.outcomes.loaded).toBeGreaterThan(0);
  expect(stopped.outcomes.skipped).toBeGreaterThan(30);
  expect(await w.broken()).toEqual([]);
});

test('the key goes to the API alone: a storage host never sees it', async () => {
  await using w = await world({ rows, storageHost: '127.0.0.2' });
  await w.run('run', 'j', ...DAY);
  const [post, get] = w.api.requests;
  expect(post?.headers.authorization).toBe(`Bearer ${KEY}`);
  expect(get?.headers.host).toMatch(/^127\.0\.0\.2:/);
  expect(JSON.stringify(get)).not.toContain(KEY);
  expect(await w.query('SELECT count(*) FROM t')).toEqual([['200']]);
});

test('a filePath that climbs is only a word', async () => {
  await using w = await world({ rows });
  w.api.fault({ kind: 'answer', set: { filePath: '../../../../tmp/evil.csv' } });
  expect(await w.run('run', 'j', ...DAY)).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
});

test('a download that redirects for ever is given up after five steps', async () => {
  await using w = await world({ rows });
  w.api.fault({ kind: 'redirect', on: 'download', to: '/files/round', times: 'always' });
  const failed = await w.run('run', 'j', ...DAY);
  expect(failed.exit).toBe(1);
  const perAttempt = w.api.requests.filter(({ kind }) => kind === 'download').length / 2;
  expect(perAttempt).toBeLessThanOrEqual(6);
});
