import { describe, expect, test } from 'vitest';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { eventsOf, labJob, openLab } from './lab.ts';

const rows = plainUsage({ rows: 2 });

describe('a period', () => {
  test('is asked for max_attempts times, then fails with its last error', async () => {
    await using lab = await openLab({ rows });
    lab.api.fault({ kind: 'status', status: 500, times: 2 });
    lab.api.fault({ kind: 'reset', times: 'always' });
    const run = await lab.run([labJob(1)]);
    expect(run.periods).toMatchObject([{ outcome: 'failed', error: { code: 'SOURCE_UNREACHABLE' } }]);
    expect(lab.api.requests).toHaveLength(3);
    expect(eventsOf(run, 'period.retrying').map(({ attempt, error }) => [attempt, error.code])).toEqual([
      [1, 'SOURCE_ERROR'],
      [2, 'SOURCE_ERROR'],
    ]);
  });

  test('that its last attempt brings is loaded', async () => {
    await using lab = await openLab({ rows });
    lab.api.fault({ kind: 'status', status: 500, times: 2 });
    expect((await lab.run([labJob(1)])).outcomes).toMatchObject({ loaded: 1 });
  });

  test('whose body staging finds short is fetched again, and that costs an attempt like any other', async () => {
    await using lab = await openLab({ rows });
    lab.api.fault({ kind: 'cut-at-record', times: 'always' });
    const run = await lab.run([labJob(1)]);
    expect(run.periods).toMatchObject([{ outcome: 'failed', error: { code: expect.stringMatching(/^BODY_/) } }]);
    expect(lab.api.requests).toHaveLength(3);
  });

  test('that is short while all others are done is fetched again at once, and lands', async () => {
    await using lab = await openLab({ rows });
    lab.api.fault({ kind: 'wrong-count', by: 1 });
    const run = await lab.run([labJob(4)]);
    expect(run.outcomes).toMatchObject({ loaded: 4 });
    expect(eventsOf(run, 'period.retrying').map(({ error }) => error.code)).toEqual(['BODY_SHORT']);
    expect(await lab.query('SELECT count(*) FROM users_daily')).toEqual(['8']);
  });

  test('loses no attempt to a 429', async () => {
    await using lab = await openLab({ rows });
    lab.api.fault({ kind: 'status', status: 500, times: 2 });
    lab.api.fault({ kind: 'rate-limited' });
    const run = await lab.run([labJob(1)]);
    expect(run.outcomes).toMatchObject({ loaded: 1 });
    expect(lab.api.requests.map(({ status }) => status)).toEqual([500, 500, 429, 200]);
  });

  test('is not asked for again where that cannot help', async () => {
    await using lab = await openLab({ rows });
    lab.api.fault({ kind: 'too-large' });
    const run = await lab.run([labJob(2)]);
    expect(run.outcomes).toMatchObject({ failed: 1, loaded: 1 });
    expect(lab.api.requests).toHaveLength(2);
  });

  test('ends in exactly one period.done for each job that plans it, whatever becomes of it', async () => {
    await using lab = await openLab({
      rows: (request) => (request.from.date.startsWith('2026-02-2') ? rows(request) : undefined),
    });
    lab.api.fault({ kind: 'too-large', match: '2026-02-20' });
    lab.api.fault({ kind: 'wrong-count', by: 1, times: 'always', match: '2026-02-21' });
    lab.api.fault({ kind: 'status', status: 500, match: '2026-02-22' });
    const run = await lab.run([labJob(12), labJob(12, { name: 'k' })]);
    const ends = eventsOf(run, 'period.done').map(({ job, key }) => `${job} ${key}`);
    expect([ends.length, new Set(ends).size]).toEqual([24, 24]);
    expect(run.outcomes).toMatchObject({ loaded: 14, failed: 4, empty: 6 });
  });
});
