import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDays, DAY } from '../../src/core/dates.ts';
import { newestEndedBy, next, openAt, periodsBetween, previous, type Series } from '../../src/core/grid.ts';
import { firstInstant, localDateOf } from '../../src/core/local-time.ts';
import { parseKey } from '../../src/core/period-key.ts';
import { readRequest, requestBounds } from '../../src/core/request.ts';
import type { Grain, Instant, Period } from '../../src/core/words.ts';
import { ZONES } from '../../src/core/zones.ts';
import { cases } from '../faults/rounds.ts';
import { usersOf } from './series.ts';
import { HARD_ZONES, transitionsOf } from './transitions.ts';

/** EXPORTD_ALL_ZONES=1 looks at every clock change of every zone; otherwise at every fifth of the hard zones and some others. */
const everywhere = process.env.EXPORTD_ALL_ZONES === '1';
const zones = everywhere ? ZONES : [...new Set([...HARD_ZONES, ...ZONES.filter((_, index) => index % 60 === 7)])];

const GRAINS: readonly Grain[] = ['hour', 'day', 'week', 'month', 'quarter', 'year'];

/** Which promise a period breaks. Not `expect`, which is slow for millions of them. */
function brokenBy(period: Period): string | undefined {
  const bounds = requestBounds(period);
  const read = readRequest(bounds);
  if (read.start !== period.start || read.end !== period.end) return 'its request means other instants';
  if (!bounds.from.date.endsWith('Z') || !bounds.to.date.endsWith('Z')) return 'its request lacks the Z';
  const known = parseKey(period.key, period.grid);
  if (known?.start !== period.start || known.end !== period.end) return 'its key names other instants';
  if (known.key !== period.key || known.date !== period.date) return 'its key comes back as another period';
  const unaided = parseKey(period.key);
  if (unaided?.start !== period.start || unaided.end !== period.end) return 'its key alone names other instants';
  return undefined;
}

function brokenAround(at: Instant, series: Series): string | undefined {
  const period = openAt(series, at);
  const before = previous(series, period);
  const after = next(series, period);
  if (!(period.start <= at && at < period.end)) return 'the open period does not hold the instant';
  if (newestEndedBy(series, at).key !== before.key) return 'the newest ended period is not the one before the open one';
  if (previous(series, after).key !== period.key) return 'next and previous do not undo each other';
  if (!(before.end < period.end && period.end < after.end)) return 'ends do not rise';
  const tiled = before.end === period.start && period.end === after.start;
  if (series.grid.span === 1 && !tiled) return 'neighbours leave a gap or overlap';
  return brokenBy(period);
}

test('around every clock change periods tile time, requests mean exactly them, and keys come back', {
  timeout: 1_200_000,
}, () => {
  let seen = 0;
  let looked = 0;
  for (const zone of zones) {
    const grids = GRAINS.flatMap((grain) => [usersOf(zone, grain), usersOf(zone, grain, 30)]);
    for (const change of transitionsOf(zone, Date.UTC(1990, 0, 1), Date.UTC(2041, 0, 1))) {
      seen += 1;
      if (!everywhere && seen % 5 !== 0) continue;
      looked += 1;
      for (const series of grids) {
        for (const at of [change - DAY, change - 1, change, change + DAY]) {
          const broken = brokenAround(at, series);
          if (broken !== undefined) expect.fail(`${openAt(series, at).key}: ${broken}`);
        }
      }
    }
  }
  console.info(`${zones.length} zones with ${seen} clock changes 1990–2040, ${looked} looked at`);
  expect(looked).toBeGreaterThan(everywhere ? 15_000 : 300);
});

test('every date from 1970 to 2045 starts where the one before it ends, at an instant that is its own', {
  timeout: 1_200_000,
}, () => {
  for (const zone of everywhere ? ZONES : ['Africa/Cairo', 'Atlantic/Azores', 'Pacific/Apia', 'Africa/Monrovia']) {
    let start = firstInstant('1970-01-01', zone);
    for (let date = '1970-01-01'; date <= '2045-12-31'; date = addDays(date, 1)) {
      const end = firstInstant(addDays(date, 1), zone);
      // A date that the zone skipped has nothing in it; every other holds its start and nothing before it.
      const own = start === end || (localDateOf(start, zone) === date && localDateOf(start - 1, zone) < date);
      if (!own || start > end) expect.fail(`${zone} ${date}: ${new Date(start).toISOString()}`);
      start = end;
    }
  }
});

const anyZone = fc.constantFrom(...(everywhere ? ZONES : zones));
const anyInstant = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2041, 0, 1) });

test('any period of any grid is asked for exactly, and its key names it alone', () => {
  fc.assert(
    fc.property(
      anyZone,
      fc.constantFrom(...GRAINS),
      fc.integer({ min: 1, max: 40 }),
      anyInstant,
      (zone, grain, span, at) => {
        const series = usersOf(zone, grain, span);
        expect(brokenAround(at, series)).toBeUndefined();
      },
    ),
    { numRuns: cases(300) },
  );
});

test('periods of a span of dates are those of its parts, in order and each once', () => {
  const anyDate = fc.integer({ min: 7_305, max: 25_900 }).map((day) => addDays('1970-01-01', day));
  const anyLength = fc.integer({ min: 0, max: 40 });
  fc.assert(
    fc.property(
      anyZone,
      fc.constantFrom(...GRAINS),
      anyDate,
      anyLength,
      anyLength,
      (zone, grain, from, first, second) => {
        const series = usersOf(zone, grain);
        const middle = addDays(from, first);
        const to = addDays(middle, second + 1);
        const whole = [...periodsBetween(series, from, to)];
        const parts = [...periodsBetween(series, from, middle), ...periodsBetween(series, addDays(middle, 1), to)];
        expect(new Set(parts.map(({ key }) => key))).toEqual(new Set(whole.map(({ key }) => key)));
        expect(parts.length).toBe(whole.length);
        for (const [index, period] of whole.entries()) {
          expect(from <= period.date && period.date <= to).toBe(true);
          expect(whole[index - 1]?.end ?? period.start).toBeLessThanOrEqual(period.start);
        }
      },
    ),
    { numRuns: cases(200) },
  );
});
