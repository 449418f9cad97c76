import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { addDays } from '../../src/core/dates.ts';
import { exportd, folder, frame } from '../cli/exportd.ts';
import { BROKEN, queryFile } from '../e2e/world.ts';
import { type ExportRequest, type Fault, startUsageApi } from '../engines/usage-api.ts';
import { hold } from '../faults/holder.ts';
import { dice, full } from '../faults/rounds.ts';
import { daemonWorld } from './world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BEGIN = '2026-03-01';
const START = Date.parse('2026-03-02T10:00:00Z');
const DAYS = full ? 180 : 2;
/** A look every so often: nothing depends on it. */
const STEP = full ? HOUR : 2 * HOUR;
const KEY = 'the-api-key-of-acme';

/** What a source does for some hours. `not-found` is not among them: a source that says for days that there was nothing is believed. */
const FAULTS: readonly Fault[] = [
  { kind: 'status', status: 500, times: 'always' },
  { kind: 'status', status: 401, times: 'always' },
  { kind: 'html', times: 'always' },
  { kind: 'reset', times: 'always' },
  { kind: 'cut', times: 'always' },
  { kind: 'cut-in-record', times: 'always' },
  { kind: 'cut-at-record', times: 'always' },
  { kind: 'longer', times: 'always' },
  { kind: 'gzip-cut', times: 'always' },
  { kind: 'wrong-count', by: 1, times: 'always' },
  { kind: 'too-large', times: 'always' },
  { kind: 'rate-limited', retryAfter: '0' },
  { kind: 'expired', times: 'always' },
];

/** Usage of a day that goes on arriving until a day after its end: sooner than it settles. */
function messages(date: string, now: number): number {
  const since = (now - Date.parse(`${date}T00:00:00Z`)) / HOUR;
  return 1 + Math.min(48, Math.max(0, Math.floor(since)));
}

/** What a person does to a file that nobody holds. */
async function execute(file: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(file);
  try {
    const connection = await instance.connect();
    await connection.run(sql);
    connection.closeSync();
  } finally {
    instance.closeSync();
  }
}

test('months of daemon life under faults of every kind end whole: every day settled, none twice (reliability 25, 26)', {
  timeout: full ? 900_000 : 60_000,
}, async () => {
  const thrown = dice();
  let now = START;
  await using api = await startUsageApi({
    keys: { [KEY]: ['USAGE_EXPORT_API'], 'another-key-of-acme': ['USAGE_EXPORT_API'] },
    historyMonths: null,
    rateLimit: null,
    rows: ({ from }: ExportRequest) => {
      const date = from.date.slice(0, 10);
      return Array.from({ length: 3 }, (_, n) => ({ user_id: `u${n}`, messages_total: messages(date, now) + n }));
    },
  });
  const window = `window: { grain: day, lookback: 2, begin: ${BEGIN} }`;
  const yaml = (schedule: string, key = KEY) =>
    frame({ url: api.url, timezone: 'UTC', job: `schedule: "${schedule}", ${window}, max_periods_per_run: 20` })
      .replace(KEY, key)
      .replace('lock_timeout: 1s', 'lock_timeout: 0s');
  const EVERY_SIX_HOURS = '15 */6 * * *';
  using place = folder({ 'exportd.yaml': yaml(EVERY_SIX_HOURS) });
  const file = place.at('out.duckdb');
  await using world = await daemonWorld(place, now, thrown.throw);
  const look = async (step: number) => {
    now += step;
    world.now = now;
    await world.look();
  };
  const restart = async () => {
    // With a broken config it would not start.
    place.write('exportd.yaml', yaml(EVERY_SIX_HOURS));
    await world.restart();
  };
  const happened: Record<string, number> = {};
  const events: Readonly<Record<string, () => Promise<void>>> = {
    restart: () => restart(),
    sleep: () => look(Math.floor(thrown.throw() * 3 * DAY)),
    'clock back': () => look(-HOUR),
    'other schedule': async () => place.write('exportd.yaml', yaml('45 1,7,13,19 * * *')),
    'other key': async () => place.write('exportd.yaml', yaml(EVERY_SIX_HOURS, 'another-key-of-acme')),
    'broken config': async () => place.write('exportd.yaml', yaml('every now and then')),
    'table dropped': () => execute(file, 'DROP TABLE IF EXISTS t'),
    'ledger dropped': () => execute(file, 'DROP VIEW IF EXISTS _exportd_state; DROP TABLE IF EXISTS _exportd_loads'),
    'warehouse gone': async () => {
      await execute(file, 'CHECKPOINT');
      renameSync(file, place.at('away'));
      mkdirSync(file);
      for (let looks = 0; looks < 4; looks++) await look(STEP);
      rmSync(file, { recursive: true });
      renameSync(place.at('away'), file);
    },
    'warehouse held': async () => {
      await using _ = await hold(file, 'READ_ONLY');
      for (let looks = 0; looks < 4; looks++) await look(STEP);
    },
    'stopped in a run': async () => {
      const slow = api.fault({ kind: 'hang', times: 'always' });
      world.now = now += 6 * HOUR;
      await world.daemon.look();
      await restart();
      slow.lift();
    },
  };
  const names = Object.keys(events);
  let outages = 0;
  await look(0);
  const filesOpen = readdirSync('/proc/self/fd').length;
  for (const end = START + DAYS * DAY; now < end; ) {
    const dice = thrown.throw();
    if (dice < 0.06) {
      const fault = FAULTS[Math.floor(thrown.throw() * FAULTS.length)];
      // One at a time: a row too many and a count too high would make one whole, wrong answer.
      api.liftFaults();
      if (fault !== undefined) api.fault(fault);
      outages += 1;
    } else if (dice < 0.16) api.liftFaults();
    else if (dice < (full ? 0.2 : 0.4)) {
      const name = names[Math.floor(thrown.throw() * names.length)] ?? '';
      happened[name] = (happened[name] ?? 0) + 1;
      await events[name]?.();
    }
    await look(STEP);
  }
  api.liftFaults();
  place.write('exportd.yaml', yaml(EVERY_SIX_HOURS));
  // Once it has run against a source that answers, for as long as an error of a person's bars a day.
  for (const last = now + 3 * DAY; now < last; ) await look(STEP);

  const story = `seed ${thrown.seed}: ${DAYS} days, ${outages} outages, ${JSON.stringify(happened)}`;
  console.log(story);
  expect(await queryFile(file, BROKEN), story).toEqual([]);
  const newest = addDays(new Date(now - DAY - 2 * HOUR).toISOString().slice(0, 10), -2);
  const days: [string, string][] = [];
  for (let date = BEGIN; date <= newest; date = addDays(date, 1)) days.push([date, String(3 * 49 + 3)]);
  const rows = `SELECT _period_date::VARCHAR, sum(messages_total)::VARCHAR FROM t WHERE _period_date <= '${newest}' GROUP BY ALL ORDER BY 1`;
  expect(await queryFile(file, rows), story).toEqual(days);
  // Nothing is left behind: no files or sockets (a few connections live on for the next request), no bodies, no tables.
  expect(readdirSync('/proc/self/fd').length, story).toBeLessThan(filesOpen + 20);
  const spooled = readdirSync(place.at('spool'), { recursive: true, encoding: 'utf8' });
  expect(
    spooled.filter((name) => /body|parquet/.test(name)),
    story,
  ).toEqual([]);
  const tables = `SELECT table_name FROM duckdb_tables() ORDER BY 1`;
  expect(await queryFile(file, tables), story).toEqual([['_exportd_loads'], ['_exportd_pending'], ['t']]);
  expect(world.running(), story).toEqual([]);
  const status = await exportd(['status', '-c', place.at('exportd.yaml'), '-o', 'json']);
  expect(status.exit, story).toBe(0);
});
