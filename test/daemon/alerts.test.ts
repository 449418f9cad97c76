import { describe, expect, test } from 'vitest';
import type { NotificationKind } from '../../src/config/load.ts';
import { ExportdError } from '../../src/core/errors.ts';
import { Alerts } from '../../src/daemon/alerts.ts';
import { LastSeen } from '../../src/daemon/last-seen.ts';
import type { Message } from '../../src/daemon/messages.ts';
import { BY_NINE, full, Life, locked, notTried, shrunk, someConfig, unauthorized, unreachable } from './life.ts';

const PERSON: readonly NotificationKind[] = ['failure', 'held', 'stale', 'recovered'];

/** A daemon, and what a channel was told of it, in short. */
function lifeOf(names: readonly string[], on: readonly NotificationKind[] = PERSON, job = '') {
  const lastSeen = new LastSeen();
  const alerts = new Alerts(lastSeen);
  const messages: Message[] = [];
  alerts.tellTo([{ on: new Set(on), send: (message) => messages.push(message) }]);
  const life = new Life(
    (event) => {
      lastSeen.tell(event);
      alerts.tell(event);
    },
    '2026-11-24T06:00:00Z',
    someConfig(names, job),
  );
  const told = () => messages.splice(0).map(shortly);
  return { life, told, messages, alerts };
}

function shortly(message: Message): string {
  if (message.type === 'loaded') return `loaded ${message.load.job}: ${message.load.rows}`;
  if (message.count > 1) return `digest of ${message.count}`;
  return message.changes.map(({ type, incident: { kind, what, name } }) => `${type} ${kind} ${what} ${name}`).join();
}

describe('one message an incident', () => {
  test('however many periods and ticks it lasts, and one when it is over', () => {
    const { life, told } = lifeOf(['j']);
    life.tick('j', () => unreachable).look();
    expect(told()).toEqual(['began failure job j']);
    for (let hour = 7; hour < 24; hour += 1) {
      life
        .at(`2026-11-24T${String(hour).padStart(2, '0')}:00:00Z`)
        .tick('j', () => unreachable)
        .look();
    }
    expect(told().filter((line) => line.includes('failure'))).toEqual([]);
    life.at('2026-11-25T06:00:00Z').tick('j').looksUntil('2026-11-25T06:02:00Z');
    expect(told()).toContain('recovered failure job j');
    life.tick('j').looksUntil('2026-11-25T06:30:00Z');
    expect(told()).toEqual([]);
  });

  test('is not over while another period of the job still fails', () => {
    const { life, told } = lifeOf(['j']);
    life.tick('j', () => unreachable).look();
    told();
    life
      .at('2026-11-24T07:00:00Z')
      .tick('j', ({ date }) => (date === '2026-11-20' ? unreachable : 60))
      .look();
    expect(told()).toEqual([]);
  });

  test('of a refused key, whatever the number of its jobs (reliability 9)', () => {
    const { life, told } = lifeOf(['a', 'b', 'c', 'd', 'e']);
    const refused = ({ date }: { date: string }) => (date === '2026-11-23' ? unauthorized : notTried);
    for (const job of ['a', 'b', 'c', 'd', 'e']) life.tick(job, refused);
    life.look();
    expect(told()).toEqual(['began failure source acme']);
    life.at('2026-11-24T06:30:00Z').tick('a', refused).look().tick('a').looksUntil('2026-11-24T06:32:00Z');
    expect(told()).toEqual(['recovered failure source acme']);
  });

  test('of a warehouse that cannot be read, until it can; of one that cannot be written, until it could', () => {
    const { life, told } = lifeOf(['a', 'b']);
    life.unplanned('a', locked).unplanned('b', locked).look();
    expect(told()).toEqual(['began failure destination local']);
    life.tick('a', () => notTried).looksUntil('2026-11-24T06:02:00Z');
    expect(told()).toEqual(['recovered failure destination local']);
    life.tick('a', () => full).looksUntil('2026-11-24T06:04:00Z');
    life.tick('b', () => notTried).looksUntil('2026-11-24T06:08:00Z');
    expect(told()).toEqual(['began failure destination local']);
    life.tick('a').looksUntil('2026-11-24T06:12:00Z');
    expect(told()).toEqual(['recovered failure destination local']);
  });

  test('of loads that are held, until a person let them through', () => {
    const { life, told } = lifeOf(['j']);
    life
      .tick('j')
      .at('2026-11-25T06:00:00Z')
      .tick('j', () => shrunk)
      .look();
    expect(told()).toEqual(['began held job j']);
    life
      .at('2026-11-26T06:00:00Z')
      .tick('j', () => shrunk)
      .look();
    expect(told()).toEqual([]);
    life.at('2026-11-27T06:00:00Z').tick('j').look();
    expect(told()).toEqual(['recovered held job j']);
  });

  test('of a job that is stale, judged by the clock and not at ticks', () => {
    const { life, told } = lifeOf(['j'], PERSON, BY_NINE);
    life.tick('j').at('2026-11-25T08:59:45Z').look();
    expect(told()).toEqual([]);
    life.looksUntil('2026-11-25T11:00:00Z');
    expect(told()).toEqual(['began stale job j']);
    life.tick('j').looksUntil('2026-11-25T11:02:00Z');
    expect(told()).toEqual(['recovered stale job j']);
  });

  test('of a job that is stale when the daemon starts, once its first run could not help', () => {
    const { life, told } = lifeOf(['j'], PERSON, BY_NINE);
    const [job] = life.config.jobs;
    if (job === undefined) throw new Error('no job');
    life.tell({ type: 'job.started', job: 'j', why: 'start', tick: undefined });
    life.tell({ type: 'job.planned', job, plans: [], state: life.table('j') });
    life.looksUntil('2026-11-24T06:30:00Z');
    expect(told()).toEqual([]);
    life.tell({ type: 'job.ended', job: 'j', runId: undefined, error: undefined });
    life.look();
    expect(told()).toEqual(['began stale job j']);
  });

  test('of a config that is broken, until one is taken', () => {
    const { life, told, messages } = lifeOf(['j']);
    life.tell({ type: 'config.broken', problems: ['e.yaml:1:1: no\n  1 | x'] });
    life.tell({ type: 'config.broken', problems: ['e.yaml:2:1: neither'] });
    life.look();
    expect(JSON.stringify(messages)).not.toContain('| x');
    expect(told()).toEqual(['began failure config undefined']);
    life.load(someConfig(['j']));
    life.looksUntil('2026-11-24T06:02:00Z');
    expect(told()).toEqual(['recovered failure config undefined']);
  });

  test('and none of what a person took out of the config', () => {
    const { life, told } = lifeOf(['j', 'k']);
    life.tick('j', () => unreachable).look();
    told();
    life.load(someConfig(['k']));
    life.looksUntil('2026-11-26T12:00:00Z');
    expect(told()).toEqual([]);
  });

  test('of which only the end is told where another process saw it begin', () => {
    const before = lifeOf(['j']);
    before.life.tick('j', () => unreachable);
    const { life, told } = lifeOf(['j']);
    const state = before.life.table('j');
    const [job] = life.config.jobs;
    if (job === undefined) throw new Error('no job');
    life.tell({ type: 'job.planned', job, plans: [], state });
    life.tell({ type: 'job.ended', job: 'j', runId: undefined, error: undefined });
    life.look();
    expect(told()).toEqual([]);
    life.tick('j').look();
    expect(told()).toEqual(['recovered failure job j']);
  });
});

describe('a channel', () => {
  test('is told of what it asked for', () => {
    const { life, told } = lifeOf(['j', 'k'], ['held']);
    life
      .tick('j', () => unreachable)
      .tick('k', () => shrunk)
      .look();
    expect(told()).toEqual(['began held job k']);
    life.tick('k').looksUntil('2026-11-24T06:10:00Z');
    expect(told()).toEqual([]);
  });

  test('gets one digest where many fail at once, with the first of them', () => {
    const names = Array.from({ length: 30 }, (_, n) => `j${n}`);
    const { life, told, messages } = lifeOf(names);
    for (const name of names) life.tick(name, () => unreachable);
    life.look();
    expect(messages).toMatchObject([{ count: 30, changes: { length: 20 } }]);
    expect(told()).toEqual(['digest of 30']);
    life.at('2026-11-24T06:10:00Z');
    for (const name of names) life.tick(name);
    life.looksUntil('2026-11-24T06:12:00Z');
    expect(told()).toEqual(['digest of 30']);
  });

  test('gets ever fewer of them where jobs fail one after the other for long', () => {
    const names = Array.from({ length: 480 }, (_, n) => `j${n}`);
    const { life, told } = lifeOf(names);
    for (const name of names) {
      life.tick(name, () => unreachable).look();
      life.now += 15_000;
    }
    life.looksUntil('2026-11-24T09:00:00Z');
    expect(told().length).toBeLessThan(16);
  });

  test('is not told of what was over before it could be told', () => {
    const { life, told } = lifeOf(['j']);
    life
      .tick('j', () => unreachable)
      .tick('j')
      .look();
    expect(told()).toEqual([]);
  });

  test('is told what is still to be told when the daemon stops', () => {
    const { life, told } = lifeOf(['j']);
    life.tick('j', () => unreachable);
    life.tell({ type: 'stopped', clean: true });
    expect(told()).toEqual(['began failure job j']);
  });
});

describe('loads', () => {
  test('are told of once a run, with what it changed, as soon as it is over', () => {
    const { life, messages } = lifeOf(['j'], ['loaded']);
    life.tick('j', ({ date }) => (date === '2026-11-22' ? unreachable : date === '2026-11-21' ? 0 : 60));
    const key = (from: string, to: string) => `acme/users/2026-11-${from}/2026-11-${to}@UTC`;
    expect(messages).toEqual([
      {
        type: 'loaded',
        load: {
          at: life.now,
          runId: 'run-1',
          job: 'j',
          table: 'j',
          destination: 'local',
          rows: 120,
          outcomes: { loaded: 2, empty: 1, failed: 1 },
          changed: 2,
          periods: [
            { key: key('23', '24'), date: '2026-11-23', outcome: 'loaded', rows: 60 },
            { key: key('20', '21'), date: '2026-11-20', outcome: 'loaded', rows: 60 },
          ],
        },
      },
    ]);
  });

  test('are no news where no row is another', () => {
    const { life, told } = lifeOf(['j'], ['loaded']);
    life.tick('j', () => 0).tick('j', () => new ExportdError('SHRUNK', 'held', { scope: 'period' }));
    expect(told()).toEqual([]);
  });

  test('name the first 1,000 periods of a long backfill, and count them all', () => {
    const { life, messages } = lifeOf(['j'], ['loaded']);
    const config = someConfig(['j']);
    life.load({
      ...config,
      jobs: config.jobs.map((job) => ({
        ...job,
        window: { ...job.window, begin: '2020-01-01' },
        maxPeriodsPerRun: 5_000,
      })),
    });
    life.tick('j');
    expect(messages).toMatchObject([{ load: { changed: 2_519, periods: { length: 1_000 }, rows: 2_519 * 60 } }]);
  });
});
