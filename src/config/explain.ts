import type { z } from 'zod';
import type { Place } from './config-file.ts';
import { find, pointAt } from './navigate.ts';
import { type Problem, problem } from './problems.ts';
import { isSecret } from './secrecy.ts';
import type { Entry, Tree } from './tree.ts';
import { asRead, listed } from './wording.ts';
import { didYouMean, unknownKey, type Where } from './words-from-elsewhere.ts';

type Issue = z.core.$ZodIssue;
type UnionIssue = Extract<Issue, { code: 'invalid_union' }>;

/** Turns the schema's issues about one named thing into problems at their places, in our own words. */
export function explainIssues(owner: Entry, where: Where, issues: readonly Issue[]): Problem[] {
  return issues.flatMap((issue) => explain(owner, where, issue, issue.path));
}

function explain(owner: Entry, where: Where, issue: Issue, path: readonly PropertyKey[]): Problem[] {
  const found = find(owner, path);
  const { key, keyPlace, value } = found;
  if (value === undefined) return [problem(keyPlace, `${key}: ${String(path.at(-1))} is missing${kindsOf(issue)}`)];
  if (issue.code === 'unrecognized_keys') {
    // The schema's message for this issue is the keys that it has; see `strict` in schema.ts.
    const known = issue.message.split(' ');
    const within =
      path[0] === 'window' ? 'window' : path[0] === 'columns' ? 'columns' : path.length > 0 ? 'other' : where;
    return issue.keys.map((name) => problem(keyOf(value, name), unknownKey(name, known, within)));
  }
  if (issue.code === 'invalid_union') {
    if (issue.discriminator !== undefined) return [problem(pointAt(found), `${key}: ${kindUnknown(issue, value)}`)];
    const meant = branchOf(issue);
    if (meant !== undefined) return meant.flatMap((inner) => explain(owner, where, inner, [...path, ...inner.path]));
  }
  return [problem(pointAt(found), `${key}: ${said(issue, key, value)}`)];
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
    const meant = isSecret(value, key) ? undefined : didYouMean(String(read), issue.values.map(String));
    return meant === undefined ? '' : `: did you mean ${meant}?`;
  }
  const wanted = expectation(issue);
  if (typeof read !== 'string') {
    if (!wanted.startsWith('text')) return '';
    return isSecret(value, key) ? ': put it in quotes' : `: put it in quotes, "${written}"`;
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

/** `type:` of a source, destination or notification that this version does not have. */
function kindUnknown(issue: UnionIssue, value: Tree): string {
  const kinds = kindsIn(issue);
  const kind = value.kind === 'scalar' ? String(value.value) : '';
  const meant = didYouMean(kind, kinds);
  const hint = meant === undefined ? '' : `: did you mean ${meant}?`;
  return `${listed(kinds)} expected, ${asRead(value, 'type')} was read${hint}`;
}

function isNothing(tree: Tree): tree is Extract<Tree, { kind: 'scalar' }> {
  return tree.kind === 'scalar' && tree.value === null;
}

function keyOf(map: Tree, name: string): Place {
  return (map.kind === 'map' ? map.entries.get(name)?.keyPlace : undefined) ?? map.place;
}
