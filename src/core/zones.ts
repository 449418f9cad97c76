import { runtimeKnows } from './local-time.ts';
import { nearest } from './nearest.ts';
import { OLD_NAMES, OTHER_ZONES, TZDB_VERSION, ZONES } from './zones.data.ts';

export { TZDB_VERSION, ZONES };

/**
 * `meant`: the name to write instead, where one is likely. `reason`: what is wrong with the one that was written,
 * as a whole clause.
 */
export type TimezoneCheck =
  | { readonly ok: true }
  | { readonly ok: false; readonly meant: string | undefined; readonly reason: string };

const NAMES = new Set(ZONES);
const EVERY_NAME = new Set([...ZONES, ...Object.keys(OLD_NAMES), ...OTHER_ZONES]);
/** By lower case: the names themselves, and what old names stand for. */
const SPELLINGS = new Map([
  ...Object.entries(OLD_NAMES).map(([old, name]) => [old.toLowerCase(), name] as const),
  ...ZONES.map((name) => [name.toLowerCase(), name] as const),
]);
/** By lower case, the part that people remember: `berlin`. */
const PLACES = new Map(ZONES.map((name) => [name.slice(name.lastIndexOf('/') + 1).toLowerCase(), name] as const));

/**
 * Whether a name may stand in the config: one of zone.tab's, or `UTC`, in tzdb's own spelling. Everything else is
 * refused, also what the runtime would take: a period key holds the name, and one zone under two names is every row twice.
 */
export function checkTimezone(name: string): TimezoneCheck {
  if (NAMES.has(name)) {
    if (runtimeKnows(name)) return { ok: true };
    return refused(undefined, `this Node's time zone data do not know ${name}; update Node`);
  }
  const meant = SPELLINGS.get(name.toLowerCase());
  if (name === '') return refused(undefined, 'the timezone is empty');
  if (Object.hasOwn(OLD_NAMES, name)) return refused(meant, `${name} is another name of ${meant}`);
  if (meant !== undefined) return refused(meant, `${name} is not how the tz database writes ${meant}`);
  if (/^(local|system|localtime)$/i.test(name)) {
    return refused(undefined, `"${name}" would mean another zone on every machine`);
  }
  if (/^(etc\/)?(utc|gmt)?[+-]\d/i.test(name)) {
    return refused(undefined, `${name} is an offset, and offsets know no clock changes; name the place`);
  }
  if (/^[A-Z]{2,5}$/.test(name)) {
    return refused(undefined, `${name} is an abbreviation, which several zones share; name the place`);
  }
  const guess = name.replaceAll(' ', '_');
  const place =
    PLACES.get(guess.toLowerCase()) ?? nearest(guess, ZONES) ?? PLACES.get(nearest(guess, PLACES.keys()) ?? '');
  return refused(place, `${JSON.stringify(name)} is no timezone of the tz database`);
}

/** Any name of the tz database in its own spelling, old ones and offsets too: what a request of somebody else's may say. */
export function isTzdbName(name: string): boolean {
  return EVERY_NAME.has(name) && runtimeKnows(name);
}

function refused(meant: string | undefined, reason: string): TimezoneCheck {
  return { ok: false, meant, reason };
}
