import type { z } from 'zod';
import { type Place, withoutCredentials } from './config-file.ts';
import { type Problem, problem } from './problems.ts';
import { LATER, SECRET_KEYS } from './schema.ts';
import type { Entry, Tree } from './tree.ts';
import { didYouMean, unknownKey, type Where } from './words-from-elsewhere.ts';

type Issue = z.core.$ZodIssue;
type UnionIssue = Extract<Issue, { code: 'invalid_union' }>;

/** Turns the schema's issues about one named thing into problems at their places, in our own words. */
export function explainIssues(owner: Entry, where: Where, issues: readonly Issue[]): Problem[] {
  return issues.flatMap((issue) => explain(owner, where, issue, issue.path));
}

function explain(owner: Entry, where: Where, issue: Issue, path: readonly PropertyKey[]): Problem[] {
  const { key, keyPlace, value } = find(owner, path);
  if (value === undefined) return [problem(keyPlace, `${key}: ${String(path.at(-1))} is missing${kindsOf(issue)}`)];
  if (issue.code === 'unrecognized_keys') {
    // The schema's message for this issue is the keys that it has; see `strict` in schema.ts.
    const known = issue.message.split(' ');
    const within =
      path[0] === 'window' ? 'window' : path[0] === 'columns' ? 'columns' : path.length > 0 ? 'other' : where;
    return issue.keys.map((name) => problem(keyOf(value, name), unknownKey(name, known, within)));
  }
  if (issue.code === 'invalid_union') {
    if (issue.discriminator !== undefined)
      return [problem(placeOf(value, keyPlace), `${key}: ${kindUnknown(issue, where, value)}`)];
    const meant = branchOf(issue);
    if (meant !== undefined) return meant.flatMap((inner) => explain(owner, where, inner, [...path, ...inner.path]));
  }
  return [problem(placeOf(value, keyPlace), `${key}: ${said(issue, key, value)}`)];
}

/** What was expected, what was read, and what to do. */
function said(issue: Issue, key: string, value: Tree): string {
  const wanted = expectation(issue);
  if (isNothing(value)) {
    const hint = value.written.startsWith('&') ? ': text that begins with & must be quoted' : '';
    return `empty value, ${wanted} expected${hint}`;
  }
  return `${wanted} expected, ${asRead(value, key)} was read${advice(issue, key, value)}`;
}

const WANTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      // A schema with a message of its own says what it wants: a duration, a date.
      return issue.message.startsWith('Invalid input') ? (WANTED[issue.expected] ?? issue.expected) : issue.message;
    case 'invalid_value':
      return listed(issue.values.map(String));
    case 'invalid_union':
      return listed([...new Set(issue.errors.flat().map(expectation))]);
    case 'too_small':
      if (issue.origin === 'string') return issue.message.startsWith('Too small') ? 'some text' : issue.message;
      return issue.origin === 'array' ? 'one entry or more' : `${issue.minimum} or more`;
    case 'too_big':
      return `${issue.maximum} or less`;
    default:
      return issue.message;
  }
}

function advice(issue: Issue, key: string, value: Tree): string {
  if (value.kind !== 'scalar') return '';
  const { written, value: read } = value;
  if (issue.code === 'invalid_value') {
    const meant = SECRET_KEYS.has(key) ? undefined : didYouMean(String(read), issue.values.map(String));
    return meant === undefined ? '' : `: did you mean ${meant}?`;
  }
  const wanted = expectation(issue);
  if (typeof read !== 'string') {
    if (!wanted.startsWith('text')) return '';
    return SECRET_KEYS.has(key) ? ': put it in quotes' : `: put it in quotes, "${written}"`;
  }
  if (wanted === 'a map' || wanted === 'a list') {
    if (written.includes('${')) return ': lists and maps never come from a variable';
    return wanted === 'a list' ? `: write [${written}]` : '';
  }
  if (wanted === 'true or false' && /^(yes|on|y)$/i.test(read)) return ': write true';
  if (wanted === 'true or false' && /^(no|off|n)$/i.test(read)) return ': write false';
  return /^["']/.test(written) && issue.code === 'invalid_type' ? ': take the quotes away' : '';
}

/** Of a union's branches, the one that the value was meant for: it does not fail at its very top. */
function branchOf(issue: UnionIssue): readonly Issue[] | undefined {
  return issue.errors.find((branch) => !branch.some(({ code, path }) => code === 'invalid_type' && path.length === 0));
}

/** What a missing `type:` could be. */
function kindsOf(issue: Issue): string {
  const kinds = issue.code === 'invalid_union' ? kindsIn(issue) : [];
  return kinds.length === 0 ? '' : `: ${listed(kinds)}`;
}

/** zod says which kinds there are, though its type of the issue does not. */
function kindsIn(issue: UnionIssue): readonly string[] {
  return 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
}

/** `type:` of a source or destination that this version does not have. */
function kindUnknown(issue: UnionIssue, where: Where, value: Tree): string {
  const kinds = kindsIn(issue);
  const kind = value.kind === 'scalar' ? String(value.value) : '';
  const later = where === 'source' ? LATER.sources : LATER.destinations;
  if (later.includes(kind)) return `this version of exportd has no ${where} of type ${kind}; it has ${listed(kinds)}`;
  const meant = didYouMean(kind, kinds);
  const hint = meant === undefined ? '' : `: did you mean ${meant}?`;
  return `${listed(kinds)} expected, ${asRead(value, 'type')} was read${hint}`;
}

/** A value as a message may show it: as it is written, never what a variable or a secret holds. */
export function asRead(tree: Tree, key: string): string {
  if (tree.kind !== 'scalar' || tree.value === null) return kindOf(tree);
  if (isFromVariable(tree)) return `what ${reference(tree.written)} holds`;
  if (SECRET_KEYS.has(key)) return typeof tree.value === 'number' ? 'a number' : 'something else';
  return typeof tree.value === 'string' ? JSON.stringify(withoutCredentials(shortened(tree.value))) : kindOf(tree);
}

/** What a variable holds may be a secret that was put into the wrong place: no message quotes it. */
export function isFromVariable(tree: Tree | undefined): boolean {
  return tree?.kind === 'scalar' && typeof tree.value === 'string' && tree.value.includes('${');
}

/** What a person would call it. */
export function kindOf(tree: Tree): string {
  if (tree.kind !== 'scalar') return tree.kind === 'map' ? 'a map' : 'a list';
  if (tree.value === null) return 'nothing';
  if (typeof tree.value === 'number') return `the number ${tree.written}`;
  return typeof tree.value === 'boolean' ? String(tree.value) : 'text';
}

function reference(written: string): string {
  return shortened(written.replace(/^(["'])(.*)\1$/s, '$2'));
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** `a, b or c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function isNothing(tree: Tree): tree is Extract<Tree, { kind: 'scalar' }> {
  return tree.kind === 'scalar' && tree.value === null;
}

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

/** Where to point for a value: at itself, or at its key where it is empty. */
export function placeOf(value: Tree, keyPlace: Place): Place {
  return value.place.end > value.place.start ? value.place : keyPlace;
}

function keyOf(map: Tree, name: string): Place {
  return (map.kind === 'map' ? map.entries.get(name)?.keyPlace : undefined) ?? map.place;
}
