/** A config that changes while its jobs run. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Folder, folder, frame } from '../cli/exportd.ts';
import { BROKEN, queryFile } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { type PlantedFault, startUsageApi, type UsageApi } from '../engines/usage-api.ts';
import { type DaemonWorld, daemonWorld } from './world.ts';

const NOW = Date.parse('2026-03-31T10:00:00Z');

describe('a config that changes in the middle of a run', () => {
  let api: UsageApi;
  let place: Folder;
  let world: DaemonWorld;
  let slow: PlantedFault;
  const yaml = (more = '') =>
    frame({
      url: api.url,
      source: `concurrency: 2, history: null`,
      timezone: 'UTC',
      job: `schedule: "0 * * * *", window: { grain: day, begin: 2026-03-11 }${more}`,
    });
  const exports = () => api.requests.filter(({ kind }) => kind === 'export').length;
  const ended = () => world.events.flatMap((event) => (event.type === 'run.finished' ? [event] : []));

  /** Twenty days are due: two have been asked for, and are not answered yet. */
  beforeEach(async () => {
    api = await startUsageApi({
      keys: { 'the-api-key-of-acme': ['USAGE_EXPORT_API'] },
      historyMonths: null,
      rateLimit: null,
      rows: plainUsage({ rows: 1 }),
    });
    place = folder({ 'exportd.yaml': '' });
    place.write('exportd.yaml', yaml());
    slow = api.fault({ kind: 'hang', times: 2 });
    world = await daemonWorld(place, NOW);
    await world.daemon.look();
    await api.seen(() => exports() === 2);
  });
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
    place[Symbol.dispose]();
    await api[Symbol.asyncDispose]();
  });

  test('is finished with what has been asked for; the rest is asked for under the new one, and nothing twice', async () => {
    place.write('exportd.yaml', yaml(', description: another'));
    await world.daemon.look();
    slow.lift();
    await world.daemon.idle();
    expect(ended()).toMatchObject([
      { interrupted: true, outcomes: { loaded: 2 } },
      { interrupted: false, outcomes: { loaded: 18 } },
    ]);
    expect(exports()).toBe(20);
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
  });

  test('without the job ends it with what has been asked for (reliability 17)', async () => {
    place.write('exportd.yaml', yaml().replace(/ {2}j: .*\n/, '  {}\n'));
    await world.daemon.look();
    slow.lift();
    await world.daemon.idle();
    expect(ended()).toMatchObject([{ interrupted: true, outcomes: { loaded: 2, skipped: 18 } }]);
    expect(exports()).toBe(2);
  });

  test('never has a daemon take itself for another exportd', async () => {
    for (const text of ['one', 'two', 'three']) {
      place.write('exportd.yaml', yaml(`, description: ${text}`));
      await world.daemon.look();
      slow.lift();
      await world.daemon.idle();
    }
    const told = world.events.flatMap((event) => (event.type === 'job.planned' ? event.state.instances : []));
    expect(told).toEqual([]);
  });

  test('and is broken changes nothing, until it is whole again', async () => {
    place.write('exportd.yaml', yaml().replace('grain: day', 'grain: dayy'));
    await world.daemon.look();
    expect(world.told('config.broken')).toBe(1);
    place.write('exportd.yaml', yaml());
    await world.daemon.look();
    expect(world.told('config.loaded')).toBe(2);
    slow.lift();
    await world.daemon.idle();
    expect(exports()).toBe(20);
  });
});
