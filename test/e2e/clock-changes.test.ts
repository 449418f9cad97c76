/**
 * Days around clock changes, loaded one by one into a table: of one event every half hour and one in each last
 * millisecond before it, none is lost and none counted twice.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/dates.ts';
import { localDateOf } from '../../src/core/local-time.ts';
import type { Instant } from '../../src/core/words.ts';
import { transitionsOf } from '../core/transitions.ts';
import type { ExportRequest, Row } from '../engines/usage-api.ts';
import { type World, world } from './world.ts';

const HALF_HOUR = 1_800_000;
/** 00:01 of 2007-11-04, when clocks went back to 23:01 of the 3rd. */
const ST_JOHNS_TWICE = Date.parse('2007-11-04T02:31:00Z');

/** Zones that change clocks at midnight or just past it, by half an hour, by a day, or for Ramadan; and years in which they did. */
const ZONES = [
  ['Atlantic/Azores', 2026],
  ['Africa/Cairo', 2024],
  ['America/Nuuk', 2025],
  ['America/St_Johns', 2007],
  ['Pacific/Apia', 2011],
  ['Australia/Lord_Howe', 2025],
  ['Africa/Casablanca', 2025],
] as const;

function eventsIn(start: Instant, end: Instant): Instant[] {
  const events: Instant[] = [];
  for (let tick = Math.floor(start / HALF_HOUR) * HALF_HOUR; tick <= end; tick += HALF_HOUR) {
    events.push(...[tick - 1, tick].filter((at) => start <= at && at < end));
  }
  return events;
}

const usage = ({ start, end }: ExportRequest): Row[] => eventsIn(start, end).map((at) => ({ user_id: String(at) }));

/** The local date of an instant, by the runtime and not by exportd. */
function dateOnClocks(at: Instant, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at);
}

describe.each(ZONES)('in %s (%i)', (zone, year) => {
  const changes = transitionsOf(zone, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1));
  let w: World;
  beforeAll(async () => {
    w = await world({ rows: usage }, { timezone: zone });
  });
  afterAll(async () => await w[Symbol.asyncDispose]());

  test.each(changes.map((change) => [new Date(change).toISOString(), change] as const))(
    'no event around %s is lost or doubled',
    async (_instant, change) => {
      const [first, last] = [addDays(localDateOf(change, zone), -2), addDays(localDateOf(change, zone), 2)];
      expect((await w.run('run', 'j', '--from', first, '--to', last)).exit).toBe(0);
      const days = `FROM t WHERE _period_date BETWEEN '${first}' AND '${last}'`;
      const [[start, end] = []] = await w.query(
        `SELECT epoch_ms(min(_period_start)), epoch_ms(max(_period_end)) ${days}`,
      );
      const landed = await w.query(`SELECT user_id, _period_date ${days} ORDER BY user_id::BIGINT`);
      expect(landed.map(([id]) => id)).toEqual(eventsIn(Number(start), Number(end)).map(String));
      // The range is no shorter than the days that were asked for.
      expect([dateOnClocks(Number(start), zone), dateOnClocks(Number(end) - 1, zone)]).toEqual([first, last]);
      // Clocks set back from 00:01 show most of an hour of the day before once more: it belongs to the day that had begun.
      const again = change === ST_JOHNS_TWICE ? eventsIn(change, change + 59 * 60_000) : [];
      const strangers = landed.filter(([id, date]) => dateOnClocks(Number(id), zone) !== date);
      expect(strangers.map(([id]) => id)).toEqual(again.map(String));
    },
  );

  test('every period is whole', async () => {
    expect(changes.length).toBeGreaterThan(1);
    expect(await w.broken()).toEqual([]);
  });
});

test('a day that Apia skipped is no period', async () => {
  await using w = await world({ rows: usage }, { timezone: 'Pacific/Apia' });
  const run = await w.run('run', 'j', '--from', '2011-12-29', '--to', '2011-12-31');
  expect([...run.periods.keys()].sort()).toEqual(['2011-12-29', '2011-12-31']);
});
