import type { ConfigFile } from './config-file.ts';
import { type Problem, problem } from './problems.ts';
import { NAME, SECTIONS } from './schema.ts';
import { withSecretAddress } from './secrecy.ts';
import { definedTwice, type Entry, type MapTree, type Tree } from './tree.ts';
import { kindOf } from './wording.ts';
import { unknownKey } from './words-from-elsewhere.ts';

/** All files as one document: each named thing with the place where it is defined. */
export interface Sections {
  readonly sources: Map<string, Entry>;
  readonly destinations: Map<string, Entry>;
  readonly jobs: Map<string, Entry>;
  readonly defaults: Map<string, Entry>;
  readonly daemon: Map<string, Entry>;
  readonly usage_api: Map<string, Entry>;
  /** The lists of all files, one after the other. */
  readonly notifications: Entry[];
}

type Named = 'sources' | 'destinations' | 'jobs';

/** Lays the files beside each other. What two of them define is a problem that shows both places; no file wins. */
export function mergeFiles(trees: readonly { readonly file: ConfigFile; readonly tree: Tree }[]): {
  readonly sections: Sections;
  readonly problems: Problem[];
} {
  const sections: Sections = {
    sources: new Map(),
    destinations: new Map(),
    jobs: new Map(),
    defaults: new Map(),
    daemon: new Map(),
    usage_api: new Map(),
    notifications: [],
  };
  const problems: Problem[] = [];
  for (const { tree } of trees) {
    if (tree.kind !== 'map') {
      problems.push(problem(tree.place, `a map of ${SECTIONS.join(', ')} expected, ${kindOf(tree)} was read`));
      continue;
    }
    for (const entry of tree.entries.values()) problems.push(...addSection(sections, entry));
  }
  return { sections, problems };
}

function addSection(sections: Sections, entry: Entry): Problem[] {
  const { key, keyPlace, value } = entry;
  if (key.startsWith('x-')) return [];
  if (key === 'version') return checkVersion(value);
  if (!isSection(key, sections)) return [problem(keyPlace, unknownKey(key, SECTIONS, 'root'))];
  // `jobs:` with every job commented out is a section of none.
  if (value.kind === 'scalar' && value.value === null) return [];
  if (key === 'notifications') return addNotifications(sections, value);
  if (value.kind !== 'map') return [problem(value.place, `${key}: a map expected, ${kindOf(value)} was read`)];
  if (key === 'defaults') return addAll(sections.defaults, inOurSpelling(value), (name) => `defaults.${name}`);
  if (key === 'daemon' || key === 'usage_api') return addAll(sections[key], value, (name) => `${key}.${name}`);
  const misnamed = [...value.entries.values()].filter(({ key: name }) => !NAME.test(name));
  const named = new Map([...value.entries].filter(([name]) => NAME.test(name)));
  if (key === 'jobs') for (const [name, job] of named) named.set(name, { ...job, value: inOurSpelling(job.value) });
  return [
    ...misnamed.map(({ key: name, keyPlace: place }) =>
      problem(
        place,
        `${JSON.stringify(name)} cannot name ${ONE[key]}: names are small letters, digits, - and _, a letter first`,
      ),
    ),
    ...addAll(sections[key], { ...value, entries: named }, (name) => `${ONE[key].replace(/^an? /, '')} ${name}`),
  ];
}

function addNotifications({ notifications }: Sections, list: Tree): Problem[] {
  if (list.kind !== 'list') {
    return [problem(list.place, `notifications: a list expected, ${kindOf(list)} was read: begin each with - type: …`)];
  }
  for (const item of list.items) {
    notifications.push({ key: 'notifications', keyPlace: item.place, value: withSecretAddress(item) });
  }
  return [];
}

function addAll(into: Map<string, Entry>, { entries }: MapTree, called: (name: string) => string): Problem[] {
  const problems: Problem[] = [];
  for (const [name, entry] of entries) {
    const first = into.get(name);
    if (first === undefined) into.set(name, entry);
    else problems.push(definedTwice(called(name), entry.keyPlace, first.keyPlace));
  }
  return problems;
}

/** `dataType`, as the API's answers write it, is `data_type`. Where a map has both, `dataType` is left to be refused. */
function inOurSpelling<T extends Tree>(job: T): T {
  if (job.kind !== 'map' || !job.entries.has('dataType') || job.entries.has('data_type')) return job;
  const entries = [...job.entries].map(([key, entry]): [string, Entry] =>
    key === 'dataType' ? ['data_type', { ...entry, key: 'data_type' }] : [key, entry],
  );
  return { ...job, entries: new Map(entries) };
}

const ONE: Readonly<Record<Named, string>> = { sources: 'a source', destinations: 'a destination', jobs: 'a job' };

function isSection(key: string, sections: Sections): key is keyof Sections {
  return Object.hasOwn(sections, key);
}

function checkVersion(value: Tree): Problem[] {
  if (value.kind === 'scalar' && value.value === 1) return [];
  return [problem(value.place, 'version: 1 expected; this exportd reads no other')];
}
