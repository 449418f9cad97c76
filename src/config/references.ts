import { type Found, find, pointAt } from './navigate.ts';
import { type Problem, problem } from './problems.ts';
import type { Sections } from './sections.ts';
import type { Entry } from './tree.ts';
import { asRead, listed } from './wording.ts';
import { didYouMean } from './words-from-elsewhere.ts';

/** Whether the sources and the destination that a job names are there. */
export function checkReferences(
  owner: Entry,
  sources: readonly string[],
  destination: string | undefined,
  sections: Sections,
): Problem[] {
  const isList = find(owner, ['source']).value?.kind === 'list';
  const problems = sources.flatMap((name, index) => {
    const at = find(owner, isList ? ['source', index] : ['source']);
    if (sources.indexOf(name) !== index) return [unknownName(at, 'is named twice')];
    return sections.sources.has(name) ? [] : [unknownName(at, 'is no source', name, sections.sources.keys())];
  });
  if (destination !== undefined && !sections.destinations.has(destination)) {
    const at = find(owner, ['destination']);
    problems.push(unknownName(at, 'is no destination', destination, sections.destinations.keys()));
  }
  return problems;
}

function unknownName(at: Found, what: string, name = '', known: Iterable<string> = []): Problem {
  const names = [...known];
  const meant = didYouMean(name, names);
  const hint = meant !== undefined ? `: did you mean ${meant}?` : names.length > 0 ? `: there is ${listed(names)}` : '';
  const read = at.value === undefined ? at.key : asRead(at.value, at.key);
  return problem(pointAt(at), `${at.key}: ${read} ${what}${hint}`);
}
