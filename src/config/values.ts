import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Secret } from '../core/secret.ts';
import type { ConfigFile, Place } from './config-file.ts';
import { because } from './files.ts';
import { Interpolated } from './given.ts';
import { type Piece, references, trimmed } from './interpolate.ts';
import { type Problem, problem } from './problems.ts';
import { MAY_BE_EMPTY } from './schema.ts';
import { isSecret } from './secrecy.ts';
import type { ScalarTree, Tree } from './tree.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A secret's file is a line or a page, never more. */
const LARGEST_FILE = 1_000_000;

/** What a tree came to. */
export interface Values {
  /** Maps, lists, scalars, and Interpolated where a `${…}` stood: what the schema is given. */
  readonly value: unknown;
  /** Wrong whatever the environment: a `${` that never ends. */
  readonly problems: readonly Problem[];
  /** Variables and files that are missing; of interest only to commands that use the value. */
  readonly missing: readonly Missing[];
}

/** A value that the environment does not give. `secret`: of a key that no other key depends on. */
export interface Missing {
  readonly secret: boolean;
  readonly problem: Problem;
}

type Reading = { readonly text: string } | { readonly missing: string };

/** Turns trees into plain values, `${…}` replaced. Remembers the secrets that it handed out, and files that it read. */
export class ValueReader {
  readonly #environment: Environment;
  readonly #files = new Map<string, Reading>();
  readonly #secrets = new Map<string, Secret>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Everything secret that was read: values of secret keys, and whatever came from a file. */
  secrets(): readonly Secret[] {
    return [...this.#secrets.values()];
  }

  /** Digests of what the secret files held, by path. */
  secretFiles(): ReadonlyMap<string, string> {
    const digest = (reading: Reading) => createHash('sha256').update(JSON.stringify(reading)).digest('hex');
    return new Map([...this.#files].map(([path, reading]) => [path, digest(reading)]));
  }

  read(tree: Tree): Values {
    const problems: Problem[] = [];
    const missing: Missing[] = [];
    return { value: this.#value(tree, undefined, problems, missing), problems, missing };
  }

  /** A scalar's text, or undefined where it is none, or a variable is missing. */
  textOf(tree: ScalarTree): string | undefined {
    const value = this.#value(tree, undefined, [], []);
    if (value instanceof Interpolated) return value.text;
    return typeof value === 'string' ? value : undefined;
  }

  #value(tree: Tree, key: string | undefined, problems: Problem[], missing: Missing[]): unknown {
    if (tree.kind === 'list') return tree.items.map((item) => this.#value(item, key, problems, missing));
    if (tree.kind === 'scalar') return this.#scalar(tree, key, problems, missing);
    const map: Record<string, unknown> = {};
    for (const [name, entry] of tree.entries) {
      if (name === '__proto__') problems.push(problem(entry.keyPlace, '__proto__ cannot be a name here'));
      else map[name] = this.#value(entry.value, name, problems, missing);
    }
    return map;
  }

  #scalar(tree: ScalarTree, key: string | undefined, problems: Problem[], missing: Missing[]): unknown {
    const secret = isSecret(tree, key);
    if (typeof tree.value !== 'string' || !tree.value.includes('${')) {
      if (secret && tree.value !== null) this.#blot(tree);
      return tree.value;
    }
    const { pieces, faults } = references(tree.value);
    problems.push(...faults.map(({ at, message }) => problem(placeInside(tree, at), message)));
    let text = '';
    let complete = faults.length === 0;
    for (const piece of pieces) {
      if (piece.kind === 'text') {
        text += piece.text;
        continue;
      }
      const reading = this.#look(piece, tree.place.file);
      if ('missing' in reading) {
        complete = false;
        const hint = secret || piece.kind === 'file' ? '' : `; set it, or give a default: \${${piece.name}:-…}`;
        missing.push({ secret, problem: problem(placeInside(tree, piece.at), `${reading.missing}${hint}`) });
      } else {
        text += reading.text;
        if (secret || piece.kind === 'file') this.#remember(reading.text);
      }
    }
    if (complete && secret && text === '' && !(key !== undefined && MAY_BE_EMPTY.has(key))) {
      complete = false;
      missing.push({ secret, problem: problem(tree.place, `${key}: ${sourceOf(pieces)} is empty`) });
    }
    if (complete && secret) this.#remember(text);
    return new Interpolated(complete ? text : undefined, pieces.length === 1 && pieces[0]?.kind !== 'text');
  }

  #look(piece: Exclude<Piece, { kind: 'text' }>, file: ConfigFile): Reading {
    if (piece.kind === 'file') return this.#file(piece.path, file);
    const found = Object.hasOwn(this.#environment, piece.name) ? this.#environment[piece.name] : undefined;
    const value = found === undefined ? undefined : trimmed(found);
    if (piece.fallback !== undefined && (value === undefined || value === '')) return { text: piece.fallback };
    if (value !== undefined) return { text: value };
    return { missing: `variable ${piece.name} is not set` };
  }

  #file(path: string, from: ConfigFile): Reading {
    const absolute = resolve(dirname(from.path), path);
    const known = this.#files.get(absolute) ?? readSecretFile(absolute, path);
    this.#files.set(absolute, known);
    return known;
  }

  #remember(text: string): void {
    if (text !== '' && !this.#secrets.has(text)) this.#secrets.set(text, new Secret(text));
  }

  /** A secret that is written out in the file: remembered, and kept out of excerpts. */
  #blot(tree: ScalarTree): void {
    this.#remember(typeof tree.value === 'string' ? tree.value : tree.written);
    tree.place.file.secrets.set(tree.place.start, tree.place.end);
  }
}

function readSecretFile(absolute: string, path: string): Reading {
  try {
    const { size } = statSync(absolute);
    if (size > LARGEST_FILE) return { missing: `file ${path} is larger than 1 MB: that is no secret` };
    return { text: trimmed(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(absolute))) };
  } catch (error) {
    if (error instanceof TypeError) return { missing: `file ${path} is not UTF-8 text` };
    return { missing: `file ${path} cannot be read: ${because(error)}` };
  }
}

function sourceOf(pieces: readonly Piece[]): string {
  const [piece] = pieces;
  if (piece === undefined || piece.kind === 'text' || pieces.length > 1) return 'the value';
  return piece.kind === 'file' ? `file ${piece.path}` : `variable ${piece.name}`;
}

/** The place of a `${` inside a scalar: escapes and folding move characters, but the n-th `${` stays the n-th. */
function placeInside({ place, value, written }: ScalarTree, at: number): Place {
  const before = String(value).slice(0, at).split('${').length - 1;
  let index = -1;
  for (let nth = 0; nth <= before; nth++) index = written.indexOf('${', index + 1);
  if (index === -1) return place;
  const close = written.indexOf('}', index);
  return { ...place, start: place.start + index, end: close === -1 ? place.end : place.start + close + 1 };
}
