import { afterEach, describe, expect, test, vi } from 'vitest';
import { ExportdError } from '../../src/core/errors.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { between, eventsOf, labJob, openLab } from './lab.ts';

const rows = plainUsage({ rows: 2 });
const WHOLE = `SELECT count(*) || ' rows, ' || count(DISTINCT _load_id) || ' loads' FROM users_daily`;
const LEDGER = 'SELECT outcome FROM _exportd_loads ORDER BY loaded_at, load_id';

afterEach(() => {
  vi.useRealTimers();
});

describe('a batch', () => {
  test('of what people wait for is committed before history fills it up', async () => {
    const { batches, wrap } = between({});
    await using lab = await openLab({ rows, wrap, concurrency: 1 });
    await lab.run([labJob(2, { begin: '2026-02-19' })]);
    expect(batches.map(({ entries }) => entries.length)).toEqual([2, 8]);
    expect(batches[0]?.dates).toEqual(['2026-02-27', '2026-02-28']);
  });

  test('has a hundred periods at most', async () => {
    const { batches, wrap } = between({});
    await using lab = await openLab({ rows: plainUsage({ rows: 1 }), wrap });
    await lab.run([labJob(205)]);
    expect(batches.map(({ entries }) => entries.length)).toEqual([100, 100, 5]);
  });

  test('waits a minute for more, from its first export on, and no longer', async () => {
    const told: string[] = [];
    const committed = Promise.withResolvers<void>();
    await using lab = await openLab({
      rows,
      concurrency: 1,
      onEvent: ({ type }) => {
        told.push(type);
        if (type === 'batch.committed') committed.resolve();
      },
    });
    const slow = lab.api.fault({ kind: 'hang', match: '2026-02-27' });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const run = lab.run([labJob(2)]);
    await lab.api.seen(({ fault }) => fault === 'hang');
    await vi.advanceTimersByTimeAsync(59_000);
    expect(told).not.toContain('batch.staged');
    await vi.advanceTimersByTimeAsync(1_000);
    await committed.promise;
    expect(await lab.query(WHOLE)).toEqual(['2 rows, 1 loads']);
    slow.lift();
    expect((await run).outcomes).toMatchObject({ loaded: 2 });
  });

  test('that needs more memory than there is, is staged in halves', async () => {
    const staged: number[] = [];
    const small = new ExportdError('MEMORY_LIMIT', 'too much for this machine', { scope: 'period' });
    await using lab = await openLab({
      rows,
      wrapStaging: (inner) => ({
        ...inner,
        open: async () => {
          throw small;
        },
        stage: async (spec, table, bodies, signal) => {
          if (bodies.length > 3) throw small;
          staged.push(bodies.length);
          return inner.stage(spec, table, bodies, signal);
        },
      }),
    });
    expect((await lab.run([labJob(10)])).outcomes).toMatchObject({ loaded: 10, failed: 0 });
    expect(staged).toEqual([3, 2, 3, 2]);
    expect(await lab.query(WHOLE)).toEqual(['20 rows, 10 loads']);
  });

  test('makes room where the spool is full, and does not wait for its minute', async () => {
    await using lab = await openLab({ rows: plainUsage({ rows: 400 }), spoolLimit: 150_000 });
    const retries = { maxAttempts: 40, minDelay: 50, maxDelay: 100 };
    const run = await lab.run([labJob(12, { retries })]);
    expect(eventsOf(run, 'period.retrying').map(({ error }) => error.code)).toContain('SPOOL_FULL');
    expect(run.outcomes).toMatchObject({ loaded: 12, failed: 0 });
  });

  test('is the same one again where its commit may heal', async () => {
    const { batches, wrap } = between({
      beforeReplace: (_, calls) => {
        if (calls < 2) throw new ExportdError('COMMIT_FAILED', 'in conflict', { scope: 'table', retryable: true });
      },
    });
    await using lab = await openLab({ rows, wrap });
    const run = await lab.run([labJob(3)]);
    expect(run.outcomes).toMatchObject({ loaded: 3 });
    expect(batches.map((batch) => batch === batches[0])).toEqual([true, true, true]);
    expect(eventsOf(run, 'batch.retrying').map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(await lab.query(WHOLE)).toEqual(['6 rows, 3 loads']);
  });

  test('whose answer was lost is passed again, and lands once', async () => {
    const { batches, wrap } = between({
      afterReplace: (_, calls) => {
        if (calls === 0) throw new ExportdError('COMMIT_UNKNOWN', 'lost', { scope: 'table', retryable: true });
      },
    });
    await using lab = await openLab({ rows, wrap });
    expect((await lab.run([labJob(3)])).outcomes).toMatchObject({ loaded: 3 });
    expect(batches).toHaveLength(2);
    expect(await lab.query(WHOLE)).toEqual(['6 rows, 3 loads']);
    expect(await lab.query(LEDGER)).toEqual(['loaded', 'loaded', 'loaded']);
  });

  test('that no attempt can commit fails its periods, gives the table up and leaves no row', async () => {
    const { batches, wrap } = between({
      beforeReplace: () => {
        throw new ExportdError('COMMIT_FAILED', 'in conflict', { scope: 'table', retryable: true });
      },
    });
    await using lab = await openLab({ rows, wrap, concurrency: 1 });
    const run = await lab.run([labJob(1, { begin: '2026-02-26' })]);
    expect(run.outcomes).toMatchObject({ failed: 1, skipped: 2 });
    expect(batches).toHaveLength(3);
    expect(await lab.query(WHOLE)).toEqual(['0 rows, 0 loads']);
    expect(await lab.query(LEDGER)).toEqual(['failed']);
  });

  test('that fails in one table stops no other table', async () => {
    const { wrap } = between({
      beforeReplace: ({ table }) => {
        if (table.name === 'other') throw new ExportdError('TABLE_REFUSED', 'not ours', { scope: 'table' });
      },
    });
    await using lab = await openLab({ rows, wrap });
    const job = labJob(2);
    const other = labJob(2, { name: 'k', table: { ...job.table, name: 'other' } });
    expect((await lab.run([job, other])).outcomes).toMatchObject({ loaded: 2, failed: 2 });
  });
});

describe('a key that two jobs plan', () => {
  test('is asked for once, lands once, and is told to both', async () => {
    await using lab = await openLab({ rows });
    const run = await lab.run([labJob(2), labJob(3, { name: 'k' })]);
    expect(lab.api.requests).toHaveLength(3);
    expect(
      eventsOf(run, 'period.done')
        .map(({ job, outcome }) => `${job} ${outcome}`)
        .sort(),
    ).toEqual(['j loaded', 'j loaded', 'k loaded', 'k loaded', 'k loaded']);
    expect(await lab.query(WHOLE)).toEqual(['6 rows, 3 loads']);
  });
});

describe('a key that jobs of unlike lookback plan', () => {
  test('is settled when the longest of them says so', async () => {
    await using lab = await openLab({ rows });
    await lab.run([labJob(1), labJob(3, { name: 'k' })]);
    const settled = "SELECT period_date || ' ' || settled FROM _exportd_loads ORDER BY period_date";
    expect(await lab.query(settled)).toEqual(['2026-02-26 true', '2026-02-27 false', '2026-02-28 false']);
  });
});

describe('empty periods of a source that the table does not know', () => {
  const quietBefore = (date: string) => (request: Parameters<typeof rows>[0]) =>
    request.from.date >= date ? rows(request) : undefined;

  test('are committed after all once the source has brought a row', async () => {
    const { batches, wrap } = between({});
    await using lab = await openLab({ rows: quietBefore('2026-02-28'), wrap });
    expect((await lab.run([labJob(4)])).outcomes).toMatchObject({ loaded: 1, empty: 3 });
    expect(batches.map(({ entries }) => entries.map(({ outcome }) => outcome))).toEqual([
      ['loaded'],
      ['empty', 'empty', 'empty'],
    ]);
  });

  test('are all held where it brought none, and change nothing', async () => {
    const { batches, wrap } = between({});
    await using lab = await openLab({ rows: () => undefined, wrap });
    const run = await lab.run([labJob(3)]);
    expect(run.periods.map(({ outcome, error }) => [outcome, error?.code])).toEqual(
      Array.from({ length: 3 }, () => ['held', 'ALL_EMPTY']),
    );
    expect(batches).toEqual([]);
    expect(await lab.query(LEDGER)).toEqual(['held', 'held', 'held']);
  });

  test('are noted a thousand at a time', async () => {
    const noted: number[] = [];
    const { wrap } = between({ onNote: (entries) => noted.push(entries.length) });
    await using lab = await openLab({ rows: () => undefined, wrap });
    expect((await lab.run([labJob(1_100)])).outcomes).toMatchObject({ held: 1_100 });
    expect(noted).toEqual([1_000, 100]);
    expect(await lab.query('SELECT count(*) FROM _exportd_loads')).toEqual(['1100']);
  });

  test('are let through where a person says so, a hundred at a time', async () => {
    const { batches, wrap } = between({});
    await using lab = await openLab({ rows: () => undefined, wrap });
    expect((await lab.run([labJob(120)], { acceptHeld: true })).outcomes).toMatchObject({ empty: 120 });
    expect(batches.map(({ entries }) => entries.length)).toEqual([100, 20]);
  });
});
