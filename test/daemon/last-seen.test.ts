import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jobStatus } from '../../src/core/job-status.ts';
import { LastSeen } from '../../src/daemon/last-seen.ts';
import { BY_NINE, Life, locked, shrunk, someConfig, unauthorized, unreachable } from './life.ts';

function lifeOf(names: readonly string[]) {
  const lastSeen = new LastSeen();
  const life = new Life((event) => lastSeen.tell(event), '2026-11-24T06:00:00Z', someConfig(names, BY_NINE));
  return { lastSeen, life };
}

describe('what was seen last', () => {
  test('is what reading the warehouse again would say, whatever ended since', () => {
    const answers = fc.array(fc.constantFrom(60, 0, unreachable, shrunk), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(answers, { minLength: 1, maxLength: 5 }), fc.nat(60), (ticks, hours) => {
        const { lastSeen, life } = lifeOf(['j']);
        for (const its of ticks) {
          let n = 0;
          life.tick('j', () => its[n++ % its.length] ?? 60);
          life.now += hours * 3_600_000;
          const [job] = life.config.jobs;
          if (job === undefined) throw new Error('no job');
          const read = jobStatus(job, life.now, life.table('j'));
          expect(lastSeen.job('j', life.now)?.status).toEqual(read);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('knows each period with its newest row and what was noted since', () => {
    const { lastSeen, life } = lifeOf(['j']);
    expect(lastSeen.periods('j')).toBeUndefined();
    life.tick('j', ({ date }) => (date === '2026-11-22' ? unreachable : 60));
    expect(lastSeen.periods('j')).toMatchObject([
      { periodDate: '2026-11-20', outcome: 'loaded', rows: 60, closed: true },
      { periodDate: '2026-11-21', outcome: 'loaded' },
      { periodDate: '2026-11-22', outcome: undefined, failed: { code: 'SOURCE_UNREACHABLE', last: true } },
      { periodDate: '2026-11-23', outcome: 'loaded' },
    ]);
    expect(lastSeen.periods('k')).toBeUndefined();
  });

  test('judges freshness by the clock, between plans', () => {
    const { lastSeen, life } = lifeOf(['j']);
    life.tick('j');
    expect(lastSeen.job('j', Date.parse('2026-11-25T08:59:59Z'))?.status?.stale).toBe(false);
    expect(lastSeen.job('j', Date.parse('2026-11-25T09:00:00Z'))?.status).toMatchObject({
      stale: true,
      state: 'stale',
    });
    expect(lastSeen.job('j', Date.parse('2026-11-25T08:00:00Z'))?.status?.stale).toBe(false);
  });

  test('says what a job does, and never that it runs when it is over', () => {
    const { lastSeen, life } = lifeOf(['j', 'k']);
    const activity = () => [...lastSeen.jobs(life.now)].map((view) => view.activity);
    life.tell({ type: 'job.queued', job: 'j', why: 'tick', tick: life.now });
    life.tell({ type: 'job.started', job: 'k', why: 'tick', tick: life.now });
    expect(activity()).toEqual(['queued', 'running']);
    life.tell({ type: 'job.queued', job: 'k', why: 'person', tick: undefined });
    expect(activity()).toEqual(['queued', 'running']);
    life.tell({ type: 'job.ended', job: 'k', runId: undefined, error: unreachable });
    expect(activity()).toEqual(['queued', 'idle']);
    expect(lastSeen.job('k', life.now)?.error).toBe(unreachable);
  });

  test('forgets what the config forgets, and keeps what a reload leaves alone', () => {
    const { lastSeen, life } = lifeOf(['j', 'k']);
    life.tick('j').tick('k');
    life.load(someConfig(['k', 'l']), 'ba9876543210');
    expect([...lastSeen.jobs(life.now)].map(({ job, status }) => [job.name, status?.state])).toEqual([
      ['k', 'fresh'],
      ['l', undefined],
    ]);
    life.load(someConfig(['k'], ', table: another'));
    expect(lastSeen.job('k', life.now)?.status).toBeUndefined();
  });

  test('remembers the newest 200 runs', () => {
    const { lastSeen, life } = lifeOf(['j']);
    for (let n = 0; n < 300; n += 1) life.tick('j');
    const runs = lastSeen.runs();
    expect([runs.length, runs[0]?.runId, runs.at(-1)?.runId]).toEqual([200, 'run-300', 'run-101']);
    expect(runs[0]).toMatchObject({ jobs: ['j'], requests: 3, rows: 180, bytes: 3_000, endedAt: life.now });
  });

  test('takes a run that threw for over', () => {
    const { lastSeen, life } = lifeOf(['j']);
    life.tell({ type: 'run.planned', runId: 'r', plans: [], requests: 0 });
    expect(lastSeen.runs()[0]?.endedAt).toBeUndefined();
    life.tell({ type: 'job.ended', job: 'j', runId: 'r', error: unreachable });
    expect(lastSeen.runs()[0]).toMatchObject({ endedAt: life.now, error: unreachable });
  });
});

describe('the daemon is ready', () => {
  test('unless a source or a destination did not answer when it was last asked', () => {
    const { lastSeen, life } = lifeOf(['j']);
    const why = () => lastSeen.notReady().map(({ what, name, message }) => [what, name, message]);
    expect(why()).toEqual([]);
    life.unplanned('j', locked);
    expect(why()).toEqual([['destination', 'local', 'another process holds the file']]);
    life.tick('j', () => unauthorized);
    expect(why()).toEqual([['source', 'acme', 'the source does not accept the API key']]);
    life.tick('j');
    expect(why()).toEqual([]);
  });

  test('where one period fails and another is answered, and not where none is', () => {
    const { lastSeen, life } = lifeOf(['j']);
    life.tick('j', ({ date }) => (date === '2026-11-20' ? unreachable : 60));
    expect(lastSeen.notReady()).toEqual([]);
    life.at('2026-11-25T06:00:00Z').tick('j', () => unreachable);
    expect(lastSeen.notReady()).toHaveLength(1);
  });

  test('unless a newer config cannot be used (reliability 17), or it is stopping', () => {
    const { lastSeen, life } = lifeOf(['j']);
    life.tell({ type: 'config.broken', problems: ['e.yaml:1:1: no\n  1 | secret\n    | ^', 'e.yaml:2:1: nor this'] });
    expect(lastSeen.notReady()).toMatchObject([
      { message: 'the newest config cannot be used, the one before stays: e.yaml:1:1: no, and 1 more' },
    ]);
    expect(lastSeen.config().config).toBe(life.config);
    life.load(someConfig(['j']));
    expect(lastSeen.notReady()).toEqual([]);
    life.tell({ type: 'stopping' });
    expect(lastSeen.notReady()).toMatchObject([{ what: 'process' }]);
  });
});
