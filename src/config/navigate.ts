import type { Place } from './config-file.ts';
import type { Entry, Tree } from './tree.ts';

/** What a path leads to. */
export interface Found {
  readonly key: string;
  readonly keyPlace: Place;
  /** Undefined where the last key of the path is missing; then `key` is that of the map in which it is. */
  readonly value: Tree | undefined;
}

/** Follows a path of keys and list indexes as far as it goes. */
export function find(owner: Entry, path: readonly PropertyKey[]): Found {
  let found: Found & { readonly value: Tree } = owner;
  for (const step of path) {
    const { value } = found;
    if (value.kind === 'list' && typeof step === 'number') {
      const item = value.items[step];
      if (item === undefined) return { ...found, value: undefined };
      found = { key: found.key, keyPlace: item.place, value: item };
      continue;
    }
    const entry = value.kind === 'map' ? value.entries.get(String(step)) : undefined;
    if (entry === undefined) return { ...found, value: undefined };
    found = entry;
  }
  return found;
}

/** Where to point: at the value, or at its key where it is empty or missing. */
export function pointAt({ value, keyPlace }: Found): Place {
  return value === undefined || value.place.end === value.place.start ? keyPlace : value.place;
}
