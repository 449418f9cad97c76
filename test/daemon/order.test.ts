/** Who goes first where much is due: on real tables, with a source that is as slow as a test wants. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Folder, folder, frame } from '../cli/exportd.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi, type UsageApi } from '../engines/usage-api.ts';
import { hold } from '../faults/holder.ts';
import { daemonWorld } from './world.ts';

const NOW = Date.parse('2026-03-31T10:00:00Z');
const HOUR = 3_600_000;
const NEWEST = '2026-03-30';

describe('a daemon with much to do', () => {
  let api: UsageApi;
  let place: Folder;
  beforeEach(async () => {
    api = await startUsageApi({
      keys: { 'the-api-key-of-acme': ['USAGE_EXPORT_API'], 'the-api-key-of-beta': ['USAGE_EXPORT_API'] },
      historyMonths: null,
      rateLimit: null,
      rows: plainUsage({ rows: 1 }),
    });
    place = folder();
  });
  afterEach(async () => {
    place[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });

  /** Jobs `j`, `k`, `l` … each on a table of its own. */
  function configure(concurrency: number, job: string, names: readonly string[], changes: Record<string, string> = {}) {
    const more = names.map(
      (name) =>
        `  ${name}: { source: acme, data_type: models, destination: local, table: ${name}, schedule: "0 * * * *", ${job} }\n`,
    );
    let yaml = frame({ url: api.url, job: `schedule: "0 * * * *", ${job}`, more: more.join('') });
    yaml = yaml.replace('daemon: {', `daemon: { concurrency: ${concurrency},`);
    for (const [from, to] of Object.entries(changes)) yaml = yaml.replace(from, to);
    place.write('exportd.yaml', yaml);
  }

  /** The local dates that exports asked for, in order. */
  const dates = () =>
    api.requests
      .filter(({ kind }) => kind === 'export')
      .map(({ body }) => (body as { from: { date: string } }).from.date.slice(0, 10));

  test('brings the newest day of every job before a year of any', async () => {
    configure(1, 'window: { grain: day }', ['k', 'l']);
    await using world = await daemonWorld(place, NOW);
    await world.look();
    configure(1, 'window: { grain: day, begin: 2026-03-26 }, on_start: wait', ['k', 'l']);
    await world.look();
    api.requests.length = 0;
    world.now = NOW + HOUR;
    await world.look();
    expect(dates().slice(0, 3)).toEqual([NEWEST, NEWEST, NEWEST]);
    expect(dates()).toHaveLength(3 * 5);
    expect(world.told('run.finished')).toBe(3 + 3 + 3);
  });

  test('leaves a place to what people wait for while history is slow', async () => {
    configure(2, 'window: { grain: day }', ['k', 'l']);
    await using world = await daemonWorld(place, NOW);
    await world.look();
    configure(2, 'window: { grain: day, begin: 2026-03-26 }, on_start: wait', ['k', 'l']);
    await world.look();
    const slow = api.fault({ kind: 'hang', match: '2026-03-2' });
    world.now = NOW + HOUR;
    await world.daemon.look();
    await world.seen(({ type }) => type === 'run.planned', 3 + 3 + 1);
    api.requests.length = 0;
    world.now = NOW + 2 * HOUR;
    await world.daemon.look();
    await world.seen(({ type }) => type === 'run.finished', 3 + 3 + 2);
    expect(dates().filter((date) => date === NEWEST)).toHaveLength(2);
    slow.lift();
    await world.daemon.idle();
  });

  test('does not let the jobs of a slow source take every place', async () => {
    configure(2, 'window: { grain: day }', ['k', 'l', 'b'], {
      'destinations:': `  beta: { type: export_api, base_url: "${api.url}", api_key: the-api-key-of-beta }\ndestinations:`,
      'b: { source: acme, data_type: models': 'b: { source: beta, data_type: users',
      'data_type: users, destination: local, table: t': 'data_type: models, destination: local, table: t',
    });
    const slow = api.fault({ kind: 'hang', match: '/models/', times: 'always' });
    await using world = await daemonWorld(place, NOW);
    await world.daemon.look();
    await world.seen((event) => event.type === 'job.ended' && event.job === 'b');
    expect(world.told('job.ended')).toBe(1);
    slow.lift();
    await world.daemon.idle();
    expect(world.told('job.ended')).toBe(4);
  });

  test('does not wait with other destinations for one that is held by somebody else, and catches up by itself', async () => {
    configure(4, 'window: { grain: day }', ['k'], {
      'path: ./out.duckdb }': 'path: ./out.duckdb }\n  other: { type: duckdb, path: ./other.duckdb }',
      'destination: local, table: t': 'destination: other, table: t',
      'lock_timeout: 1s': 'lock_timeout: 10m',
    });
    await using world = await daemonWorld(place, NOW);
    const holder = await hold(place.at('other.duckdb'), 'READ_WRITE');
    await world.daemon.look();
    await world.seen((event) => event.type === 'job.ended' && event.job === 'k');
    expect(world.told('job.planned', 'j')).toBe(0);
    await holder.release();
    await world.daemon.idle();
    expect(world.told('run.finished')).toBe(2);
  });
});
