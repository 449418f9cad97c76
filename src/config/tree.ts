import {
  type Alias,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type ParsedNode,
  parseAllDocuments,
  type Node as YamlNode,
} from 'yaml';
import type { ConfigFile, Place } from './config-file.ts';
import { type Problem, problem } from './problems.ts';
import { explainSyntaxErrors, explainUnknownAlias } from './syntax-errors.ts';

/** YAML with its positions. Anchors are shared, not copied: a tree that aliases make big is small in memory. */
export type Tree = ScalarTree | ListTree | MapTree;

export interface ScalarTree {
  readonly kind: 'scalar';
  readonly place: Place;
  readonly value: string | number | boolean | null;
  /** As it stands in the file, quotes and all. */
  readonly written: string;
  /** Whatever its key: see secrecy.ts. */
  readonly secret?: boolean;
}

export interface ListTree {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly Tree[];
}

export interface MapTree {
  readonly kind: 'map';
  readonly place: Place;
  /** A Map, so that `__proto__` is a key like any other. */
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface Entry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: Tree;
}

/** How many nodes a file may have once every alias is counted as what it stands for. */
const LARGEST = 1_000_000;

/**
 * Reads one file. Undefined where it holds nothing, or is no YAML at all (`problems` says so, one a line). Values are
 * YAML 1.2's: `no` and `yes` are text. A key named twice, a second document, a tag, and aliases beyond a bound are
 * problems.
 */
export function readTree(file: ConfigFile): { readonly tree: Tree | undefined; readonly problems: Problem[] } {
  const documents = parse(file);
  if (documents === undefined) {
    return { tree: undefined, problems: [problem({ file, start: 0, end: 1 }, 'lists and maps are nested too deeply')] };
  }
  const [document, second] = documents;
  const errors = documents.flatMap((each) => each.errors);
  if (errors.length > 0) return { tree: undefined, problems: explainSyntaxErrors(file, errors) };
  if (document === undefined) return { tree: undefined, problems: [] };
  if (second !== undefined) {
    const start = Math.max(file.text.lastIndexOf('---', second.range[0]), 0);
    const place = { file, start, end: start + 3 };
    return {
      tree: undefined,
      problems: [problem(place, 'a second document begins here: one document a file; split it')],
    };
  }
  const { explicit, version } = document.directives?.yaml ?? { explicit: false, version: '1.2' };
  if (explicit === true && version !== '1.2') {
    const message = 'exportd reads YAML 1.2, in which yes and no are text: take the %YAML line away';
    return { tree: undefined, problems: [problem({ file, start: 0, end: 5 }, message)] };
  }
  const reader = new TreeReader(file);
  const tree = document.contents === null ? undefined : reader.read(document.contents);
  return { tree, problems: reader.problems };
}

function parse(file: ConfigFile) {
  try {
    const documents = parseAllDocuments<ParsedNode>(file.text, {
      lineCounter: file.lines,
      prettyErrors: false,
      // Looked for in TreeReader: the library compares each key with all before it, and does not say where the first is.
      uniqueKeys: false,
      stringKeys: true,
      resolveKnownTags: false,
      logLevel: 'silent',
    });
    return 'empty' in documents ? [] : documents;
  } catch (error) {
    // The library descends by recursion; 100,000 opening brackets exhaust the stack.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

class TreeReader {
  readonly problems: Problem[] = [];
  readonly #file: ConfigFile;
  readonly #anchors = new Map<string, { readonly tree: Tree; readonly size: number } | 'open'>();
  /** Nodes so far, each alias counted as what it stands for. */
  #size = 0;
  #refused = false;

  constructor(file: ConfigFile) {
    this.#file = file;
  }

  read(node: YamlNode): Tree {
    if (isAlias(node)) return this.#alias(node);
    const before = this.#size++;
    if ('tag' in node && node.tag !== undefined && String(node.tag).startsWith('!')) {
      this.#say(node, `tags such as ${node.tag} have no meaning here: take it away`);
    }
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, 'open');
    const tree = this.#content(node);
    if (anchor !== undefined) this.#anchors.set(anchor, { tree, size: this.#size - before });
    return tree;
  }

  #content(node: YamlNode): Tree {
    const place = this.#place(node);
    if (isMap(node)) return { kind: 'map', place, entries: this.#entries(node.items) };
    if (isSeq(node)) {
      return {
        kind: 'list',
        place,
        items: node.items.map((item) => (isNode(item) ? this.read(item) : this.#empty(place))),
      };
    }
    const value = isScalar(node) ? node.value : null;
    const anchored = value === null && place.start === place.end && isScalar(node) && node.anchor !== undefined;
    const written = anchored ? `&${node.anchor}` : this.#file.text.slice(place.start, place.end);
    return { kind: 'scalar', place, written, value: isPlain(value) ? value : String(value) };
  }

  #entries(pairs: readonly unknown[]): ReadonlyMap<string, Entry> {
    const own = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const pair of pairs) {
      if (!isPair(pair) || !isScalar(pair.key)) continue;
      const key = String(pair.key.value);
      const keyPlace = this.#place(pair.key);
      const value = isNode(pair.value) ? this.read(pair.value) : this.#empty(keyPlace);
      if (key === '<<' && pair.key.type === 'PLAIN') {
        this.#merge(value, keyPlace, merged);
        continue;
      }
      const first = own.get(key);
      if (first === undefined) own.set(key, { key, keyPlace, value });
      else this.problems.push(definedTwice(key, keyPlace, first.keyPlace));
    }
    if (merged.size === 0) return own;
    for (const [key, entry] of merged) if (!own.has(key)) own.set(key, entry);
    return own;
  }

  /** `<<: *a` and `<<: [*a, *b]`: keys of the map itself win, then earlier maps. */
  #merge(value: Tree, keyPlace: Place, into: Map<string, Entry>): void {
    for (const map of value.kind === 'list' ? value.items : [value]) {
      if (map.kind !== 'map') {
        this.problems.push(problem(keyPlace, '<< takes a map, or a list of maps, such as <<: *name'));
        continue;
      }
      for (const [key, entry] of map.entries) if (!into.has(key)) into.set(key, entry);
    }
  }

  #alias(node: Alias): Tree {
    const known = this.#anchors.get(node.source);
    const place = this.#place(node);
    if (known === undefined || known === 'open') {
      this.problems.push(problem(place, explainUnknownAlias(this.#file, place, node.source, known === 'open')));
      return this.#empty(place);
    }
    this.#size += known.size;
    if (this.#size > LARGEST) {
      if (!this.#refused) {
        const limit = LARGEST.toLocaleString('en');
        this.problems.push(problem(place, `too many aliases: written out, this file would have over ${limit} values`));
      }
      this.#refused = true;
      return this.#empty(place);
    }
    return known.tree;
  }

  #empty(place: Place): ScalarTree {
    return { kind: 'scalar', place, value: null, written: '' };
  }

  #say(node: YamlNode, message: string): void {
    this.problems.push(problem(this.#place(node), message));
  }

  #place(node: YamlNode): Place {
    const [start, end] = node.range ?? [0, 0];
    return { file: this.#file, start, end };
  }
}

export function definedTwice(name: string, place: Place, first: Place): Problem {
  return problem(place, `${name} is defined twice`, { place: first, note: 'first' });
}

function isNode(value: unknown): value is YamlNode {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value);
}

function isPlain(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
