import { windowOf } from '../core/window.ts';
import type { Entry, MapTree, ScalarTree, Tree } from './tree.ts';

/** Keys whose maps are laid over the default's key by key; anything else of a job replaces the default. */
const LAID_KEY_BY_KEY: ReadonlySet<string> = new Set(['window', 'columns', 'expect', 'retries', 'freshness']);
/** Lists of `columns` that add up: a default that protects people is not lost by accident. */
const ADDED_UP: ReadonlySet<string> = new Set(['drop', 'hash']);

/** Lays `defaults` under a job. Every value keeps the place where it is written, so errors show it there. */
export function layDefaults(
  job: MapTree,
  defaults: ReadonlyMap<string, Entry>,
  textOf: (scalar: ScalarTree) => string | undefined,
): MapTree {
  const entries = new Map(defaults);
  for (const [key, own] of job.entries) {
    const under = defaults.get(key)?.value;
    const laid = under !== undefined && LAID_KEY_BY_KEY.has(key);
    entries.set(key, laid ? { ...own, value: layOver(key, own.value, under, textOf) } : own);
  }
  return { ...job, entries };
}

function layOver(key: string, own: Tree, under: Tree, textOf: (scalar: ScalarTree) => string | undefined): Tree {
  const upper = key === 'window' ? wordAsObject(own, textOf) : own;
  const lower = key === 'window' ? wordAsObject(under, textOf) : under;
  if (upper.kind !== 'map' || lower.kind !== 'map') return own;
  const entries = new Map(lower.entries);
  for (const [name, entry] of upper.entries) {
    const before = lower.entries.get(name)?.value;
    const adds = key === 'columns' && ADDED_UP.has(name) && before?.kind === 'list' && entry.value.kind === 'list';
    entries.set(name, adds ? { ...entry, value: added(before, entry.value) } : entry);
  }
  return { ...upper, entries };
}

function added(before: Tree & { kind: 'list' }, own: Tree & { kind: 'list' }): Tree {
  return { ...own, items: [...before.items, ...own.items] };
}

/** `last 7 days` as the map that it stands for; anything else, also a word that is none, as it is. */
function wordAsObject(tree: Tree, textOf: (scalar: ScalarTree) => string | undefined): Tree {
  if (tree.kind !== 'scalar') return tree;
  const word = windowOf(textOf(tree) ?? '');
  if (word === undefined) return tree;
  const entries = Object.entries(word).map(([key, value]): [string, Entry] => [
    key,
    { key, keyPlace: tree.place, value: { ...tree, value } },
  ]);
  return { kind: 'map', place: tree.place, entries: new Map(entries) };
}
