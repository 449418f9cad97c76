import type { Secret } from './core/secret.ts';

/** Replaces every known secret in a text. */
export type Redact = (text: string) => string;

/** Shorter values are words of every language: replacing them would mangle output and give them away. */
const MIN_LENGTH = 8;

/**
 * A second net below `Secret`: drivers and servers quote what they were given. A secret is found as itself, as JSON
 * and URLs write it, and, where it has several lines (a PEM), line by line.
 */
export function createRedact(secrets: readonly Secret[]): Redact {
  const spellings = new Set(secrets.flatMap((secret) => spellingsOf(secret.reveal())));
  if (spellings.size === 0) return (text) => text;
  // Longest first, so that a secret inside another one does not leave the other's rest behind.
  const longestFirst = [...spellings].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    longestFirst.map((spelling) => spelling.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'),
    'g',
  );
  return (text) => text.replace(pattern, '[secret]');
}

function spellingsOf(value: string): string[] {
  const lines = value.includes('\n') ? value.split(/\r?\n/).filter((line) => !line.startsWith('-----')) : [];
  return [value, ...lines]
    .filter((text) => text.length >= MIN_LENGTH)
    .flatMap((text) => [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text)]);
}
