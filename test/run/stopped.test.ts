import { expect, test } from 'vitest';
import { ExportdError } from '../../src/core/errors.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { between, labJob, openLab } from './lab.ts';

test('a source that answers nothing but 429 for 15 minutes is asked no more in this run', async () => {
  await using lab = await openLab({
    rows: plainUsage({ rows: 1 }),
    concurrency: 1,
    onEvent: ({ type }) => {
      if (type === 'period.retrying') lab.now += 16 * 60_000;
    },
  });
  lab.api.fault({ kind: 'rate-limited', times: 'always' });
  const run = await lab.run([labJob(10)]);
  expect(run.outcomes).toMatchObject({ failed: 1, skipped: 9 });
  expect(run.periods.map(({ error }) => error?.code)).toContain('NO_PROGRESS');
  expect(lab.api.requests).toHaveLength(2);
});

test('a server error that asks for more than 15 minutes of quiet fails its period at once', async () => {
  await using lab = await openLab({ rows: plainUsage({ rows: 1 }) });
  lab.api.fault({ kind: 'status', status: 503, headers: { 'retry-after': '901' } });
  const run = await lab.run([labJob(1)]);
  expect(run.periods.map(({ error }) => error?.code)).toEqual(['SOURCE_ERROR']);
});

test('a source whose key was refused gets one request in the next run, and the others as soon as that is answered', async () => {
  await using lab = await openLab({ rows: plainUsage({ rows: 1 }) });
  const refused = lab.api.fault({ kind: 'status', status: 401, times: 'always' });
  expect((await lab.run([labJob(5)])).outcomes.loaded).toBe(0);
  refused.lift();
  expect((await lab.run([labJob(5)])).outcomes).toMatchObject({ loaded: 5 });
});

test('a table that was refused costs no more requests', async () => {
  const { wrap } = between({
    beforeReplace: () => {
      throw new ExportdError('TABLE_REFUSED', 'not ours', { scope: 'table' });
    },
  });
  await using lab = await openLab({ rows: plainUsage({ rows: 1 }), wrap, perMinute: 100 });
  const run = await lab.run([labJob(250)]);
  expect(run.outcomes).toMatchObject({ failed: 100, skipped: 150 });
  expect(lab.api.requests).toHaveLength(100);
});

test('a note that could not be written for now stops no table', async () => {
  const { wrap } = between({
    beforePrepare: (calls) => {
      if (calls === 0) throw new ExportdError('COMMIT_FAILED', 'busy', { scope: 'table', retryable: true });
    },
  });
  await using lab = await openLab({
    rows: ({ from }) => [{ user_id: 'u', messages_total: from.date.startsWith('2026-02-28') ? 'many' : 1 }],
    wrap,
    concurrency: 1,
  });
  // The newest day is a batch of its own, and all of it is a note.
  const run = await lab.run([labJob(1, { begin: '2026-02-26' })]);
  expect(run.outcomes).toMatchObject({ failed: 1, loaded: 2 });
});

test('empty periods of a new source are not held for an interruption that left the others unasked', async () => {
  const stop = new AbortController();
  await using lab = await openLab({ rows: () => undefined, concurrency: 1 });
  lab.api.fault({ kind: 'hang', match: '2026-02-25' });
  const running = lab.run([labJob(10)], { stop: stop.signal });
  await lab.api.seen(({ fault }) => fault === 'hang');
  stop.abort();
  expect((await running).outcomes).toMatchObject({ held: 0, skipped: 10 });
});

test('an interruption commits what has arrived, and asks for nothing more', async () => {
  const stop = new AbortController();
  await using lab = await openLab({ rows: plainUsage({ rows: 1 }), concurrency: 1 });
  lab.api.fault({ kind: 'hang', match: '2026-02-26' });
  const running = lab.run([labJob(250)], { stop: stop.signal });
  await lab.api.seen(({ fault }) => fault === 'hang');
  stop.abort();
  const run = await running;
  expect(run).toMatchObject({ interrupted: true, outcomes: { loaded: 2, skipped: 248 } });
  expect(new Set(run.periods.map(({ key }) => key)).size).toBe(250);
  expect(lab.api.requests).toHaveLength(3);
  expect(await lab.query('SELECT count(*) FROM users_daily')).toEqual(['2']);
});

test('after the deadline nothing is staged or committed any more, and every period still ends', async () => {
  const [stop, deadline] = [new AbortController(), new AbortController()];
  await using lab = await openLab({
    rows: plainUsage({ rows: 1 }),
    onEvent: ({ type }) => {
      if (type !== 'batch.staged') return;
      stop.abort();
      deadline.abort();
    },
  });
  const run = await lab.run([labJob(250)], { stop: stop.signal, deadline: deadline.signal });
  expect(run).toMatchObject({ interrupted: true, outcomes: { loaded: 0, skipped: 250 } });
});

test('of runs that were wished for together, one finds out that the key is refused; the next wish is tried (reliability 9)', async () => {
  await using lab = await openLab({ rows: plainUsage({ rows: 1 }) });
  const refused = lab.api.fault({ kind: 'status', status: 401, times: 'always' });
  const wishedAt = lab.now;
  for (const table of ['a', 'b', 'c']) {
    lab.now += 1_000;
    expect((await lab.run([labJob(1, { name: table })], { wishedAt })).outcomes.loaded).toBe(0);
  }
  expect(lab.api.requests).toHaveLength(1);
  refused.lift();
  expect((await lab.run([labJob(5)])).outcomes).toMatchObject({ loaded: 5 });
  // A clock that was ahead proves nothing.
  lab.api.fault({ kind: 'status', status: 401 });
  lab.now += 86_400_000;
  await lab.run([labJob(1)]);
  lab.now -= 86_400_000;
  expect((await lab.run([labJob(5)])).outcomes.skipped).toBe(0);
});

test('where it is enough, requests that have left are answered and committed, and no other leaves', async () => {
  const enough = new AbortController();
  await using lab = await openLab({ rows: plainUsage({ rows: 1 }), concurrency: 2 });
  const slow = lab.api.fault({ kind: 'hang', times: 2 });
  const running = lab.run([labJob(250)], { enough: enough.signal });
  await lab.api.seen(() => lab.api.requests.filter(({ fault }) => fault === 'hang').length === 2);
  enough.abort();
  slow.lift();
  expect(await running).toMatchObject({ interrupted: true, outcomes: { loaded: 2, failed: 0, skipped: 248 } });
  expect(lab.api.requests).toHaveLength(2);
});
