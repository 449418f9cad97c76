import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COLUMNS, tableSpec } from '../contract/entries.ts';
import { type Lab, openLab, refusal, SIGNAL } from './lab.ts';
import type { Fault, Kind, Seen } from './proxy.ts';

const D1 = '2026-11-21';
const D2 = '2026-11-22';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

/** A fault for the first so many requests of a kind. */
const first =
  (kind: Kind, fault: Fault, times = 1) =>
  (seen: Seen): Fault | undefined => {
    if (seen.kind !== kind || times === 0) return undefined;
    times -= 1;
    return fault;
  };

const jobIds = (kind: Kind) => [...new Set(lab.proxy.seen.flatMap((seen) => (seen.kind === kind ? [seen.jobId] : [])))];

describe('what a batch and a run cost', () => {
  test('a batch is one load job and one script; nothing is streamed', async () => {
    await lab.destination.replace(await lab.batch(D1, ['a', 'b']), SIGNAL);
    const asked = lab.proxy.seen.filter(({ kind }) => kind !== 'look');
    expect(asked.map(({ kind, method }) => `${method} ${kind}`)).toEqual([
      'POST tables',
      'POST upload',
      'POST job',
      'GET results',
      'DELETE table',
    ]);
    expect(lab.proxy.seen.some(({ path }) => path.includes('insertAll'))).toBe(false);
  });

  test('a run reads the ledger once, for all of its tables, and asks no table twice', async () => {
    await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL);
    lab.proxy.seen.length = 0;
    await using next = lab.open();
    const names = ['users_daily', 'agents_daily', 'models_daily'];
    await next.read(
      names.map((name) => ({ name, detailFrom: D1 })),
      SIGNAL,
    );
    expect(lab.proxy.count('query')).toBe(1);
    lab.proxy.seen.length = 0;
    await next.prepare(tableSpec(), COLUMNS, SIGNAL);
    await next.replace(await lab.batch(D2, ['b']), SIGNAL);
    expect([lab.proxy.count('query'), lab.proxy.count('upload'), lab.proxy.count('job')]).toEqual([0, 1, 1]);
  });

  test('every job names the location of the dataset and what it is for', async () => {
    await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL);
    const jobs = lab.proxy.seen.filter(({ kind }) => kind === 'upload' || kind === 'job');
    expect(jobs.map(({ body }) => [body.jobReference?.location, body.configuration?.labels])).toEqual([
      ['US', { exportd: 'load' }],
      ['US', { exportd: 'commit' }],
    ]);
    expect(lab.proxy.seen.find(({ kind }) => kind === 'results')?.query.get('location')).toBe('US');
  });
});

describe('a lost answer is asked for, never guessed', () => {
  test.each([
    ['upload', 'cut'],
    ['job', 'cut'],
    ['results', 'cut'],
  ] as const)('the answer to %s is lost after BigQuery gave it', async (kind, fault) => {
    lab.proxy.fault = first(kind, fault);
    const batch = await lab.batch(D1, ['a', 'b']);
    expect(await lab.destination.replace(batch, SIGNAL)).toHaveLength(1);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`, `${D1} b`], ledger: 1 });
    expect([jobIds('upload').length, jobIds('job').length]).toEqual([1, 1]);
  });

  test.each(['upload', 'job'] as const)('%s is reset before it reached BigQuery', async (kind) => {
    lab.proxy.fault = first(kind, 'reset');
    const batch = await lab.batch(D1, ['a']);
    const error = await refusal(lab.destination.replace(batch, SIGNAL));
    expect(error).toMatchObject({ code: kind === 'job' ? 'COMMIT_UNKNOWN' : 'COMMIT_FAILED', retryable: true });
    expect(await lab.destination.replace(batch, SIGNAL)).toHaveLength(1);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
    expect([jobIds('upload').length, jobIds('job').length]).toEqual([1, 1]);
  });

  test('a 404 to the question after a lost answer starts no second script (case d06)', async () => {
    const lost = first('job', 'cut');
    const hidden = first('look', { status: 404, reason: 'notFound', message: 'Not found: Job test:x' });
    lab.proxy.fault = (seen) => lost(seen) ?? hidden(seen);
    const batch = await lab.batch(D1, ['a']);
    expect((await refusal(lab.destination.replace(batch, SIGNAL))).code).toBe('COMMIT_UNKNOWN');
    expect(await lab.destination.replace(batch, SIGNAL)).toHaveLength(1);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
    expect(lab.proxy.count('job')).toBe(1);
  });

  test.each(['upload', 'job'] as const)(
    'the job of %s is there already: it is waited for, not begun again',
    async (kind) => {
      const again = { status: 409, reason: 'duplicate', message: 'Already Exists: Job' };
      let forwarded: Fault | undefined = 'cut';
      const unseen = first('look', { status: 404, reason: 'notFound' });
      lab.proxy.fault = (seen) => {
        if (seen.kind !== kind) return unseen(seen);
        const fault = forwarded;
        forwarded = again;
        return fault;
      };
      const batch = await lab.batch(D1, ['a']);
      await refusal(lab.destination.replace(batch, SIGNAL));
      expect(await lab.destination.replace(batch, SIGNAL)).toHaveLength(1);
      expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
    },
  );

  test('a job that runs on is looked at until it is done, over looks that fail', async () => {
    const running = first('job', (answer) => ({ ...answer, status: { state: 'RUNNING' } }));
    const still = first('look', (answer) => ({ ...answer, status: { state: 'RUNNING' } }));
    const faults: Fault[] = ['cut', 'reset', { status: 503, reason: 'backendError' }];
    lab.proxy.fault = (seen) => running(seen) ?? (seen.kind === 'look' ? (faults.pop() ?? still(seen)) : undefined);
    await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL);
    expect(lab.proxy.count('look')).toBeGreaterThan(4);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
  });
});

describe('errors are told apart by their reason', () => {
  test.each([
    ['rateLimitExceeded', 403, 'COMMIT_FAILED', true],
    ['jobRateLimitExceeded', 403, 'COMMIT_FAILED', true],
    ['backendError', 503, 'COMMIT_FAILED', true],
    ['internalError', 500, 'COMMIT_FAILED', true],
    ['quotaExceeded', 403, 'QUOTA_EXCEEDED', false],
    ['accessDenied', 403, 'ACCESS_DENIED', false],
    ['invalidQuery', 400, 'COMMIT_FAILED', false],
  ] as const)('%s (%i) of the load job is %s', async (reason, status, code, retryable) => {
    lab.proxy.fault = first('upload', { status, reason });
    const batch = await lab.batch(D1, ['a']);
    expect(await refusal(lab.destination.replace(batch, SIGNAL))).toMatchObject({ code, retryable });
    expect(await lab.now()).toEqual({ rows: [], ledger: 0 });
    if (!retryable) return;
    expect(await lab.destination.replace(batch, SIGNAL)).toHaveLength(1);
  });

  test.each([
    ['invalidQuery', 'Transaction is aborted due to concurrent update against table test:d.t. Transaction ID: x', true],
    ['invalidQuery', 'Bad int64 value: secret', false],
    ['jobRateLimitExceeded', 'Exceeded rate limits', true],
    ['backendError', 'Error encountered during execution', true],
    ['quotaExceeded', 'Quota exceeded', false],
  ] as const)('a script that failed by %s: %s', async (reason, message, retryable) => {
    const failed = { state: 'DONE', errorResult: { reason, message } };
    lab.proxy.fault = (seen) =>
      seen.kind === 'job' && seen.jobId?.endsWith('_1') ? (answer) => ({ ...answer, status: failed }) : undefined;
    const batch = await lab.batch(D1, ['a']);
    const error = await refusal(lab.destination.replace(batch, SIGNAL));
    expect(error.retryable).toBe(retryable);
    expect(error.message).not.toContain('secret');
    if (!retryable) return;
    // The next attempt has an id of its own, and the rows are not loaded again.
    expect(await lab.destination.replace(batch, SIGNAL)).toHaveLength(1);
    expect(jobIds('job').map((id) => id?.slice(-2))).toEqual(['_1', '_2']);
    expect(lab.proxy.count('upload')).toBe(1);
    expect(await lab.now()).toEqual({ rows: [`${D1} a`], ledger: 1 });
  });
});

describe('two at once', () => {
  test('writers of different periods of one table: who loses commits again, without a new load job (case d07)', async () => {
    const rounds = process.env.EXPORTD_FAULTS === 'full' ? 20 : 4;
    await using other = lab.open({ instance: 'there/00000002' });
    let lost = 0;
    for (let round = 0; round < rounds; round++) {
      const batches = [await lab.batch(D1, [`a${round}`]), await lab.batch(D2, [`b${round}`])] as const;
      lab.proxy.seen.length = 0;
      await Promise.all(
        [lab.destination, other].map(async (destination, at) => {
          const batch = batches[at === 0 ? 0 : 1];
          for (;;) {
            const error = await destination.replace(batch, SIGNAL).then(
              () => undefined,
              (thrown) => thrown,
            );
            if (error === undefined) return;
            expect(error).toMatchObject({ code: 'COMMIT_FAILED', retryable: true });
            lost += 1;
          }
        }),
      );
      expect(lab.proxy.count('upload')).toBe(2);
    }
    expect(lost).toBeGreaterThan(0);
    const last = rounds - 1;
    expect(await lab.now()).toEqual({ rows: [`${D1} a${last}`, `${D2} b${last}`], ledger: 2 * rounds });
  });

  test('an emptied lock is no lock: nothing is committed, and the next run puts its row back', async () => {
    await lab.sql(`DELETE FROM ${lab.table('_exportd_lock_users_daily')} WHERE TRUE`);
    const error = await refusal(lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL));
    expect(error.message).toContain('somebody emptied _exportd_lock_users_daily');
    expect(await lab.now()).toEqual({ rows: [], ledger: 0 });
    await lab.destination.prepare(tableSpec(), COLUMNS, SIGNAL);
    expect(await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL)).toHaveLength(1);
  });
});

test('a dataset that somebody dropped fails what is under way, and the next run makes it again', async () => {
  await lab.ask('DELETE', `/datasets/${lab.place.dataset}?deleteContents=true`);
  const error = await refusal(lab.destination.prepare(tableSpec(), COLUMNS, SIGNAL));
  expect(error.message).toMatch(/^destination bq: preparing table users_daily: Not found: Dataset/);
  expect(await lab.destination.prepare(tableSpec(), COLUMNS, SIGNAL)).toMatchObject({ made: 'new' });
  expect(await lab.destination.replace(await lab.batch(D1, ['a']), SIGNAL)).toHaveLength(1);
});

describe('where the dataset is', () => {
  test('another location than its own is refused at once, naming both (case d06)', async () => {
    await using elsewhere = lab.openWith({ place: { ...lab.place, location: 'europe-west3' } });
    const error = await refusal(elsewhere.read([{ name: 'users_daily', detailFrom: undefined }], SIGNAL));
    expect(error).toMatchObject({ code: 'DESTINATION_UNREACHABLE', scope: 'destination', retryable: false });
    expect(error.message).toMatch(/is in US, not in europe-west3$/);
  });

  test('its own is looked up once and passed on every job call (case d06)', async () => {
    const name = lab.place.dataset.replace('t_', 'e_');
    await lab.ask('POST', '/datasets', {
      datasetReference: { projectId: 'test', datasetId: name },
      location: 'europe-west3',
    });
    const place = { ...lab.place, dataset: name, stagingDataset: name };
    await using there = lab.openWith({ place });
    await there.prepare(tableSpec(), COLUMNS, SIGNAL);
    const asksBefore = lab.proxy.count('dataset');
    const looks = first('job', 'cut');
    lab.proxy.fault = looks;
    await there.replace(await lab.batch(D1, ['a']), SIGNAL);
    expect(lab.proxy.count('dataset')).toBe(asksBefore);
    const located = lab.proxy.seen.flatMap(({ kind, body, query }) => {
      if (kind === 'upload' || kind === 'job') return [body.jobReference?.location];
      if (kind === 'query') return [body.location];
      return kind === 'look' || kind === 'results' ? [query.get('location')] : [];
    });
    expect(new Set(located)).toEqual(new Set(['europe-west3']));
    await lab.ask('DELETE', `/datasets/${name}?deleteContents=true`);
  });
});
