import { expect, test } from 'vitest';
import { addDays } from '../../src/core/dates.ts';
import { exportd, folder, frame } from '../cli/exportd.ts';
import { BROKEN, queryFile } from '../e2e/world.ts';
import { type ExportRequest, type Fault, startUsageApi } from '../engines/usage-api.ts';
import { dice, full } from '../faults/rounds.ts';
import { daemonWorld } from './world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BEGIN = '2026-03-01';
const START = Date.parse('2026-03-02T10:00:00Z');
const DAYS = full ? 180 : 12;
/** A look every so often: nothing depends on it. */
const STEP = HOUR;

/** Usage of a day that goes on arriving until a day after its end: sooner than it settles. */
function messages(date: string, now: number): number {
  const since = (now - Date.parse(`${date}T00:00:00Z`)) / HOUR;
  return 1 + Math.min(48, Math.max(0, Math.floor(since)));
}

test('months of daemon life under faults of every kind end whole: every day settled, none twice (reliability 26)', {
  timeout: 600_000,
}, async () => {
  const thrown = dice();
  let now = START;
  await using api = await startUsageApi({
    keys: { 'the-api-key-of-acme': ['USAGE_EXPORT_API'] },
    historyMonths: null,
    rateLimit: null,
    rows: ({ from }: ExportRequest) => {
      const date = from.date.slice(0, 10);
      return Array.from({ length: 3 }, (_, n) => ({ user_id: `u${n}`, messages_total: messages(date, now) + n }));
    },
  });
  using place = folder({
    'exportd.yaml': frame({
      url: api.url,
      timezone: 'UTC',
      job: `schedule: "15 */6 * * *", window: { grain: day, lookback: 2, begin: ${BEGIN} }`,
    }),
  });
  await using world = await daemonWorld(place, now, thrown.throw);
  const faults: readonly Fault[] = [
    { kind: 'status', status: 500, times: 'always' },
    { kind: 'html', times: 'always' },
    { kind: 'reset', times: 'always' },
    { kind: 'cut-in-record', times: 'always' },
    { kind: 'wrong-count', by: 1, times: 'always' },
    { kind: 'too-large', times: 'always' },
    { kind: 'status', status: 401, times: 'always' },
  ] as const;
  let restarts = 0;
  let outages = 0;
  const end = START + DAYS * DAY;
  while (now < end) {
    const dice = thrown.throw();
    if (dice < 0.04) {
      const fault = faults[Math.floor(thrown.throw() * faults.length)];
      if (fault !== undefined) api.fault(fault);
      outages += 1;
    } else if (dice < 0.12) api.liftFaults();
    else if (dice < 0.14) {
      await world.restart();
      restarts += 1;
    } else if (dice < 0.15) now += Math.floor(thrown.throw() * 6 * DAY);
    else if (dice < 0.16) now -= HOUR;
    now += STEP;
    world.now = now;
    await world.look();
  }
  api.liftFaults();
  // Once it has run against a source that answers, for as long as an error of a person's bars a day.
  for (const last = now + 5 * DAY; now < last; ) {
    now += STEP;
    world.now = now;
    await world.look();
  }

  const file = place.at('out.duckdb');
  const story = `seed ${thrown.seed}: ${DAYS} days, ${restarts} restarts, ${outages} outages`;
  console.log(story);
  expect(await queryFile(file, BROKEN), story).toEqual([]);
  const newest = new Date(now - DAY - 2 * HOUR).toISOString().slice(0, 10);
  const days: [string, string][] = [];
  for (let date = BEGIN; date <= addDays(newest, -2); date = addDays(date, 1)) days.push([date, String(3 * 49 + 3)]);
  const rows = await queryFile(
    file,
    `SELECT _period_date::VARCHAR, sum(messages_total)::VARCHAR FROM t WHERE _period_date <= '${addDays(newest, -2)}' GROUP BY ALL ORDER BY 1`,
  );
  expect(rows, story).toEqual(days);
  const status = await exportd(['status', '-c', place.at('exportd.yaml'), '-o', 'json']);
  expect(status.exit).toBe(0);
});
