import { DAY } from '../../src/core/dates.ts';
import { offsetAt } from '../../src/core/local-time.ts';
import type { Instant, Timezone } from '../../src/core/words.ts';

/** Zones that broke date code somewhere: clocks set at midnight or past it, by half an hour, by a day, with seconds, four times a year. */
export const HARD_ZONES: readonly Timezone[] = [
  'Africa/Cairo',
  'Africa/Casablanca',
  'Africa/Monrovia',
  'America/Asuncion',
  'America/Goose_Bay',
  'America/Havana',
  'America/Moncton',
  'America/Nuuk',
  'America/Santiago',
  'America/St_Johns',
  'Antarctica/Casey',
  'Antarctica/Troll',
  'Asia/Beirut',
  'Asia/Gaza',
  'Asia/Kathmandu',
  'Asia/Pyongyang',
  'Asia/Tehran',
  'Atlantic/Azores',
  'Australia/Lord_Howe',
  'Europe/Berlin',
  'Pacific/Apia',
  'Pacific/Kwajalein',
  'UTC',
];

/** The instants in [from, to) at which a zone's offset changes. */
export function transitionsOf(zone: Timezone, from: Instant, to: Instant): Instant[] {
  const found: Instant[] = [];
  for (let day = from; day < to; day += DAY) {
    let [before, after] = [day, day + DAY];
    if (offsetAt(before, zone) === offsetAt(after, zone)) continue;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (offsetAt(middle, zone) === offsetAt(before, zone)) before = middle;
      else after = middle;
    }
    found.push(after);
  }
  return found;
}
