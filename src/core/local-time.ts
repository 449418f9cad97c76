import { IANAZone } from 'luxon';
import { DAY, dateOfDay, dayNumber } from './dates.ts';
import { ExportdError } from './errors.ts';
import type { Instant, LocalDate, Timezone } from './words.ts';

/**
 * What clocks on the wall show, zone by zone, exact to the millisecond.
 *
 * A zone is a sequence of stretches of constant offset. Everything here is read off them; luxon only says the offset at
 * an instant. luxon's own `plus`, `startOf` and `endOf` are an hour off where clocks change at midnight.
 */

/** A wall-clock time, as the milliseconds it would be in UTC. */
export type WallTime = number;

/** Clocks show `at + offset` for every instant in [from, to). */
interface Stretch {
  readonly from: Instant;
  readonly to: Instant;
  readonly offset: number;
}

/** Stretches are found and kept by blocks of time, a margin around each, so that one block answers any question inside it. */
const BLOCK = 512 * DAY;
/** Of each zone; nearly three centuries. A server's clients may ask for any year. */
const BLOCKS_KEPT = 200;
/** More than any offset, and than any jump of the date line. */
const MARGIN = 3 * DAY;
/** How far apart offsets are compared. No zone of tzdb ever returned to an offset that it left less than seven days before. */
const STEP = 2 * DAY;

const blocks = new Map<Timezone, Map<number, readonly Stretch[]>>();

function stretchesAround(at: Instant, zone: Timezone): readonly Stretch[] {
  let known = blocks.get(zone);
  if (known === undefined) {
    known = new Map();
    blocks.set(zone, known);
  }
  const block = Math.floor(at / BLOCK);
  let stretches = known.get(block);
  if (stretches === undefined) {
    stretches = findStretches(block * BLOCK - MARGIN, (block + 1) * BLOCK + MARGIN, zoneNamed(zone));
    if (known.size >= BLOCKS_KEPT) known.clear();
    known.set(block, stretches);
  }
  return stretches;
}

/** The stretches of [from, to); the outer two are cut at its ends. */
function findStretches(from: Instant, to: Instant, zone: IANAZone): Stretch[] {
  const stretches: Stretch[] = [];
  let start = from;
  let offset = offsetOf(zone, from);
  for (let seen = from; seen < to; ) {
    const next = Math.min(seen + STEP, to);
    if (offsetOf(zone, next) === offset) {
      seen = next;
      continue;
    }
    const change = firstChange(zone, seen, next, offset);
    stretches.push({ from: start, to: change, offset });
    start = change;
    offset = offsetOf(zone, change);
    seen = change;
  }
  if (start < to) stretches.push({ from: start, to, offset });
  return stretches;
}

/** By bisection, the instant in (same, other] at which the offset stops being `offset`; zones change on whole seconds. */
function firstChange(zone: IANAZone, same: Instant, other: Instant, offset: number): Instant {
  let [before, after] = [same, other];
  while (after - before > 1000) {
    const middle = before + Math.floor((after - before) / 2000) * 1000;
    if (offsetOf(zone, middle) === offset) before = middle;
    else after = middle;
  }
  return after;
}

/** luxon counts in minutes, with a fraction where the offset has seconds. */
function offsetOf(zone: IANAZone, at: Instant): number {
  return Math.round(zone.offset(at) * 60_000);
}

function zoneNamed(name: Timezone): IANAZone {
  const zone = IANAZone.create(name);
  if (zone.isValid) return zone;
  throw new ExportdError('CONFIG_INVALID', `unknown timezone ${JSON.stringify(name)}`, {
    scope: 'config',
    hint: 'write a name of the tz database, such as Europe/Berlin, or UTC',
  });
}

/** Names that were asked for and that the runtime knows; asking it costs as much as a thousand boundaries. */
const knownToRuntime = new Set<string>();

/** True where the runtime's own time zone data know this name, in whatever spelling they take. */
export function runtimeKnows(name: string): boolean {
  if (knownToRuntime.has(name)) return true;
  if (!IANAZone.isValidZone(name)) return false;
  knownToRuntime.add(name);
  return true;
}

/** The earliest instant by which clocks have reached a wall-clock time: its first reading, or the first instant after the gap that it falls into. */
export function earliestInstant(wall: WallTime, zone: Timezone): Instant {
  for (const { from, to, offset } of stretchesAround(wall, zone)) {
    const at = Math.max(from, wall - offset);
    if (at < to) return at;
  }
  throw new ExportdError('INTERNAL', `no clock in ${zone} ever shows ${wallText(wall)}`, { scope: 'config' });
}

/** The last instant at which clocks have not passed a wall-clock time: its last reading, or the last instant before the gap that it falls into. */
export function latestInstant(wall: WallTime, zone: Timezone): Instant {
  for (const { from, to, offset } of stretchesAround(wall, zone).toReversed()) {
    const at = Math.min(to - 1, wall - offset);
    if (at >= from) return at;
  }
  throw new ExportdError('INTERNAL', `no clock in ${zone} ever shows ${wallText(wall)}`, { scope: 'config' });
}

/** The furthest that clocks have been by an instant: what they show, or what they showed before they were set back. */
export function furthestWallTime(at: Instant, zone: Timezone): WallTime {
  let furthest = Number.NEGATIVE_INFINITY;
  for (const { from, to, offset } of stretchesAround(at, zone)) {
    if (from > at) break;
    furthest = Math.max(furthest, Math.min(at, to - 1) + offset);
  }
  return furthest;
}

/**
 * Where a date starts: the earliest instant whose local date it is. A midnight that comes twice is its first, one that
 * does not exist is the first instant after the gap. A date that the zone skipped starts, and ends, where the next does.
 */
export function firstInstant(date: LocalDate, zone: Timezone): Instant {
  return earliestInstant(dayNumber(date) * DAY, zone);
}

/** Milliseconds that clocks are ahead of UTC. */
export function offsetAt(at: Instant, zone: Timezone): number {
  return stretchAt(at, zone).offset;
}

function stretchAt(at: Instant, zone: Timezone): Stretch {
  const stretch = stretchesAround(at, zone).find(({ from, to }) => from <= at && at < to);
  if (stretch === undefined) throw new ExportdError('INTERNAL', `${at} is no instant`, { scope: 'config' });
  return stretch;
}

/** Wall-clock times (after, upTo] that clocks show one after the other, each at `wall - offset`. */
export interface Run {
  readonly after: WallTime;
  readonly upTo: WallTime;
  readonly offset: number;
}

/** What clocks show in (after, upTo], run by run: a new one wherever they are set. */
export function* runsBetween(after: Instant, upTo: Instant, zone: Timezone): Generator<Run> {
  for (let seen = after; seen < upTo; ) {
    const { to, offset } = stretchAt(seen + 1, zone);
    const end = Math.min(to - 1, upTo);
    yield { after: seen + offset, upTo: end + offset, offset };
    seen = end;
  }
}

export function localDateOf(at: Instant, zone: Timezone): LocalDate {
  return dateOfDay(Math.floor((at + offsetAt(at, zone)) / DAY));
}

/** What clocks show: `YYYY-MM-DDTHH:MM:SS.mmm`. */
export function wallClock(at: Instant, zone: Timezone): string {
  return wallText(at + offsetAt(at, zone));
}

/** Every instant at which clocks show this (`YYYY-MM-DDTHH:MM:SS.mmm`), ascending: none in a gap, two where they were set back. */
export function readings(text: string, zone: Timezone): Instant[] {
  const wall = wallTime(text);
  return stretchesAround(wall, zone)
    .filter(({ from, to, offset }) => from <= wall - offset && wall - offset < to)
    .map(({ offset }) => wall - offset);
}

/** An instant for people: `2026-11-25 06:15:00 +01:00`. */
export function formatLocal(at: Instant, zone: Timezone): string {
  const offset = offsetAt(at, zone);
  const clock = wallText(at + offset)
    .slice(0, 19)
    .replace('T', ' ');
  const [hours, seconds] = [new Date(Math.abs(offset)).toISOString().slice(11, 16), (Math.abs(offset) / 1000) % 60];
  return `${clock} ${offset < 0 ? '-' : '+'}${hours}${seconds === 0 ? '' : `:${String(seconds).padStart(2, '0')}`}`;
}

/** `text` is `YYYY-MM-DDTHH:MM:SS.mmm`. */
export function wallTime(text: string): WallTime {
  return Date.parse(`${text}Z`);
}

function wallText(wall: WallTime): string {
  return new Date(wall).toISOString().slice(0, -1);
}
