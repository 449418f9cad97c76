/** A daemon on a clock that jumps, sleeps and changes, with runs that are late or fail. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Folder, folder, frame } from '../cli/exportd.ts';
import { BROKEN, queryFile } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { startUsageApi, type UsageApi } from '../engines/usage-api.ts';
import { type DaemonWorld, daemonWorld } from './world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const at = (text: string) => Date.parse(text);

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

  async function start(now: string, job: string, timezone = 'UTC'): Promise<DaemonWorld> {
    place.write('exportd.yaml', frame({ url: api.url, timezone, job }));
    return await daemonWorld(place, at(now));
  }
  /** When jobs were queued for a tick, and the tick. */
  const ticks = (world: DaemonWorld) =>
    world.events.flatMap((event) =>
      event.type === 'job.queued' && event.tick !== undefined
        ? [[event.at, event.tick].map((instant) => new Date(instant).toISOString().slice(0, 16))]
        : [],
    );
  const exports = () => api.requests.filter(({ kind }) => kind === 'export').length;

  test('ticks at the end of a gap that swallows midnight, and loads each day once within minutes (case a13)', async () => {
    const job = 'schedule: "0 0 * * *", window: { grain: day, lookback: 1, delay: 0s }, on_start: wait';
    await using world = await start('2026-04-23T12:00:00Z', job, 'Africa/Cairo');
    await world.goTo(at('2026-04-25T12:00:00Z'), 15 * MINUTE);
    expect(ticks(world).map(([, tick]) => tick)).toEqual(['2026-04-23T22:00', '2026-04-24T21:00']);
    const loads = `SELECT period_date::VARCHAR, strftime(extracted_at, '%d %H:%M') FROM _exportd_loads ORDER BY loaded_at`;
    expect(await queryFile(place.at('out.duckdb'), loads)).toEqual([
      ['2026-04-23', '23 22:00'],
      ['2026-04-24', '24 21:00'],
    ]);
  });

  test('plans once after each jump of the clock, and never in a burst (case e11, reliability 18)', async () => {
    const job = 'schedule: "*/5 * * * *", window: { grain: hour, lookback: 1, delay: 0s }';
    await using world = await start('2026-03-10T09:58:00Z', job);
    await world.goTo(at('2026-03-10T10:07:00Z'), MINUTE);
    const before = ticks(world).length;
    world.now = at('2026-03-10T09:07:00Z');
    await world.goTo(at('2026-03-10T10:09:30Z'), 5 * MINUTE);
    expect(ticks(world)).toHaveLength(before);
    await world.goTo(at('2026-03-10T12:02:00Z'), 20 * MINUTE);
    const on = ticks(world).length;
    world.now = at('2026-03-10T15:02:00Z');
    await world.look();
    await world.look();
    expect(ticks(world)).toHaveLength(on + 1);
    expect(ticks(world).at(-1)).toEqual(['2026-03-10T15:02', '2026-03-10T15:00']);
    expect(await queryFile(place.at('out.duckdb'), BROKEN)).toEqual([]);
    // From 09:00 on: every hour that was closed at some plan, the newest at 15:00.
    const hours = `SELECT strftime(max(_period_end), '%H:%M'), count(*) = count(DISTINCT _period_key) FROM t`;
    expect(await queryFile(place.at('out.duckdb'), hours)).toEqual([['15:00', 'true']]);
  });

  test('makes one plan of the ticks that fell while a run was under way, right after it (case e12)', async () => {
    const job = 'schedule: "* * * * *", window: { grain: day }, on_start: wait';
    await using world = await start('2026-03-10T10:00:30Z', job);
    const slow = api.fault({ kind: 'hang' });
    for (world.now += MINUTE; world.now < at('2026-03-10T10:06:00Z'); world.now += 15 * SECOND)
      await world.daemon.look();
    await api.seen(({ fault }) => fault === 'hang');
    expect(exports()).toBe(1);
    slow.lift();
    await world.daemon.idle();
    expect(world.told('run.finished')).toBe(2);
    expect(exports()).toBe(2);
  });

  test('runs a job again at its next tick after a run that failed and a plan that could not be made (case e12)', async () => {
    const job = 'schedule: "* * * * *", window: { grain: day }, on_start: wait';
    await using world = await start('2026-03-10T10:00:30Z', job);
    api.fault({ kind: 'status', status: 500, times: 2 });
    await world.goTo(world.now + MINUTE, MINUTE);
    expect(world.told('run.finished')).toBe(1);
    await world.goTo(world.now + MINUTE, MINUTE);
    expect(world.told('run.finished')).toBe(2);
    renameSync(place.at('out.duckdb'), place.at('away'));
    mkdirSync(place.at('out.duckdb'));
    await world.goTo(world.now + 2 * MINUTE, MINUTE);
    expect(world.told('job.unplanned')).toBe(2);
    rmSync(place.at('out.duckdb'), { recursive: true });
    renameSync(place.at('away'), place.at('out.duckdb'));
    await world.goTo(world.now + MINUTE, MINUTE);
    expect(world.told('run.finished')).toBe(3);
    expect(world.running()).toEqual([]);
  });

  test('asks a source that refuses its key once a tick, however many jobs it has (reliability 9)', async () => {
    const names = ['k', 'l', 'm'];
    const more = names.map(
      (name) => `  ${name}: { source: acme, data_type: models, destination: local, table: ${name}, `,
    );
    const job = 'schedule: "0 * * * *", window: { grain: day, lookback: 3 }, on_start: wait';
    place.write('exportd.yaml', frame({ url: api.url, job, more: more.map((line) => `${line}${job} }\n`).join('') }));
    const refused = api.fault({ kind: 'status', status: 401, times: 'always' });
    await using world = await daemonWorld(place, at('2026-03-10T10:30:00Z'));
    await world.goTo(at('2026-03-10T11:00:00Z'), 15 * MINUTE);
    const first = exports();
    // As many as were under way when the first was refused.
    expect(first).toBeLessThanOrEqual(8);
    await world.goTo(at('2026-03-10T12:00:00Z'), 15 * MINUTE);
    expect(exports() - first).toBe(1);
    refused.lift();
    await world.goTo(at('2026-03-10T13:00:00Z'), 15 * MINUTE);
    expect(world.events.filter((event) => event.type === 'period.done' && event.outcome === 'loaded')).toHaveLength(12);
  });
});
