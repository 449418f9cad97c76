import { withoutCredentials } from './config-file.ts';
import { isSecret } from './secrecy.ts';
import type { Tree } from './tree.ts';

/** A value as a message may show it: as it is written, never what a variable or a secret holds. */
export function asRead(tree: Tree, key: string): string {
  if (tree.kind !== 'scalar' || tree.value === null) return kindOf(tree);
  if (isFromVariable(tree)) return `what ${reference(tree.written)} holds`;
  if (isSecret(tree, key)) return typeof tree.value === 'number' ? 'a number' : 'something else';
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
