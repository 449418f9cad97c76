import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Folder, folder, frame } from '../cli/exportd.ts';
import { queryFile } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi, type UsageApi } from '../engines/usage-api.ts';
import { daemonWorld } from './world.ts';

const NOW = Date.parse('2026-03-31T10:00:00Z');
const HOUR = 3_600_000;

describe('a daemon', () => {
  let api: UsageApi;
  let place: Folder;
  beforeEach(async () => {
    api = await startUsageApi({
      keys: { 'the-api-key-of-acme': ['USAGE_EXPORT_API'] },
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

  const configure = (job: string, more = '') =>
    place.write('exportd.yaml', frame({ url: api.url, timezone: 'UTC', job: `schedule: "0 * * * *", ${job}`, more }));
  const exports = () => api.requests.filter(({ kind }) => kind === 'export').length;
  const loaded = () => queryFile(place.at('out.duckdb'), 'SELECT count(DISTINCT _period_key) FROM t');

  test('loads a long history in bounded runs, one after the other, until nothing is left', async () => {
    configure('window: { grain: day, begin: 2026-03-01 }, max_periods_per_run: 10');
    await using world = await daemonWorld(place, NOW);
    await world.look();
    expect(await loaded()).toEqual([['30']]);
    expect(world.told('run.finished')).toBe(3);
    expect(exports()).toBe(30);
  });

  test('does not ask on and on where nothing comes of it: the next tick does', async () => {
    configure('window: { grain: day, begin: 2026-03-01 }, max_periods_per_run: 10');
    api.fault({ kind: 'status', status: 401, times: 'always' });
    await using world = await daemonWorld(place, NOW);
    await world.look();
    const asked = exports();
    expect(asked).toBeLessThan(12);
    await world.goTo(NOW + HOUR / 2, 60_000);
    expect(exports()).toBe(asked);
    api.liftFaults();
    await world.goTo(NOW + HOUR, 60_000);
    expect(await loaded()).toEqual([['30']]);
  });

  test('costs nothing at a start or a reload where everything is in', async () => {
    configure('window: { grain: day, lookback: 3 }');
    await using world = await daemonWorld(place, NOW);
    await world.look();
    const asked = exports();
    for (let n = 0; n < 3; n++) await world.restart();
    await world.look();
    await world.daemon.reload();
    await world.daemon.idle();
    expect(exports()).toBe(asked);
    await world.goTo(NOW + HOUR, 15 * 60_000);
    expect(exports()).toBe(asked + 3);
  });

  test('leaves a job that says on_start: wait to its first tick, and one without a schedule to people', async () => {
    configure(
      'window: { grain: day }, on_start: wait',
      '  byhand: { source: acme, data_type: models, destination: local, window: { grain: day } }\n',
    );
    await using world = await daemonWorld(place, NOW);
    await world.look();
    expect(exports()).toBe(0);
    await world.goTo(NOW + HOUR, 15 * 60_000);
    expect(exports()).toBe(1);
    expect(world.daemon.requestRun('byhand', { kind: 'run', from: undefined, to: undefined, acceptHeld: false })).toBe(
      'queued',
    );
    await world.daemon.idle();
    expect(exports()).toBe(2);
    expect(() => world.daemon.requestRun('nobody', { kind: 'start' })).toThrow('there is no job "nobody"');
  });

  test('drops a job that is gone from the config, and tells of its table', async () => {
    configure('window: { grain: day }');
    await using world = await daemonWorld(place, NOW);
    await world.look();
    place.write(
      'exportd.yaml',
      frame({ url: api.url, job: 'window: { grain: day }' })
        .replace('  j: {', '  renamed: {')
        .replace('table: t', 'table: other'),
    );
    await world.look();
    world.daemon.requestRun('renamed', { kind: 'run', from: undefined, to: undefined, acceptHeld: false });
    await world.daemon.idle();
    const orphans = world.events.flatMap((event) => (event.type === 'orphans' ? event.orphans : []));
    expect(orphans.map(({ table }) => table)).toContain('t');
  });
});
