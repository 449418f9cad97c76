import type { YAMLParseError } from 'yaml';
import type { ConfigFile, Place } from './config-file.ts';
import { type Problem, problem } from './problems.ts';
import { SECRET_KEYS } from './schema.ts';

/** What a person should do about the YAML errors of one file: one message a line, since one slip breeds many. */
export function explainSyntaxErrors(file: ConfigFile, errors: readonly YAMLParseError[]): Problem[] {
  const byLine = new Map<number, Problem>();
  for (const error of [...errors].sort((a, b) => a.pos[0] - b.pos[0])) {
    const { line } = file.lines.linePos(error.pos[0]);
    // What the parser says of a whole stream only echoes what was wrong before.
    const isEcho = byLine.size > 0 && error.message.includes('in YAML stream');
    if (!isEcho && !byLine.has(line)) byLine.set(line, explain(file, error, line));
  }
  return [...byLine.values()];
}

/** As much of a line as is looked at. */
const LONGEST_LINE = 2_000;
/** `key: value`, or an entry of a list; what stands before the value, and the value without a comment. */
const LINE = /^(\s*(?:- +)*(?:[\w.-]+|"[^"]*"|'[^']*')\s*:\s+|\s*- +)(\S.*?)\s*(?:\s#.*)?$/;
/** A `${…}` that begins a value without quotes. */
const BARE_REFERENCE = /([[{,:]\s*)(\$\{[^}\s]*\}?)/;

function explain(file: ConfigFile, error: YAMLParseError, line: number): Problem {
  const lineStart = file.lines.lineStarts[line - 1] ?? 0;
  const lineText = file.text.slice(lineStart, lineStart + LONGEST_LINE).split('\n', 1)[0] ?? '';
  const at = (index: number, length: number): Place => ({
    file,
    start: lineStart + index,
    end: lineStart + index + length,
  });

  const bare = BARE_REFERENCE.exec(lineText);
  if (bare !== null) {
    const [, before = '', reference = ''] = bare;
    const place = at(bare.index + before.length, reference.length);
    const inBrackets = /[[{]/.test(lineText.replaceAll('${', ''));
    if (inBrackets || (place.start <= error.pos[0] && error.pos[0] <= place.end)) {
      return problem(place, `inside { } and [ ] a \${…} must be quoted: "${reference}"`);
    }
  }
  const [, before = '', text = ''] = LINE.exec(lineText) ?? [];
  const valuePlace = at(before.length, text.length);
  if (/^[*@`%]/.test(text)) {
    return problem(valuePlace, `text that begins with ${text[0]} must be quoted${asQuoted(before, text)}`);
  }
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY' && text.includes(': ')) {
    return problem(valuePlace, `text with ": " in it must be quoted${asQuoted(before, text)}`);
  }
  const place: Place = { file, start: error.pos[0], end: Math.max(error.pos[1], error.pos[0] + 1) };
  if (error.code === 'BAD_SCALAR_START' || error.code === 'BAD_ALIAS') {
    return problem(place, `text that begins with ${file.text[error.pos[0]] ?? ''} must be quoted`);
  }
  return problem(place, WORDS[error.code] ?? `this is no YAML: ${withoutQuotation(error.message)}`);
}

const WORDS: Partial<Record<YAMLParseError['code'], string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'this key has a value, and then more keys below it: look at the indentation',
  UNEXPECTED_TOKEN: 'this belongs to no value: a quote, comma or bracket before it is wrong',
  TAB_AS_INDENT: 'indent with blanks; YAML takes no tabs',
  BAD_INDENT: 'this line is indented unlike the keys beside it',
  MISSING_CHAR: 'a colon, bracket, brace, comma or closing quote is missing before this',
  MULTILINE_IMPLICIT_KEY: 'this line is no `key: value`; a colon is missing, or a quote is not closed',
  NON_STRING_KEY: 'a key is text, never a list or a map',
  BAD_DQ_ESCAPE: 'inside "…" a backslash begins an escape: write \\\\, or use \'…\'',
};

/** For `*x` that no `&x` comes before: mostly a schedule without quotes. */
export function explainUnknownAlias(file: ConfigFile, place: Place, name: string, inside: boolean): string {
  if (inside) return `*${name} stands inside &${name} itself`;
  const written = file.text.slice(place.start, place.end);
  if (/^[/*\d]/.test(name)) return `text that begins with * must be quoted: ${quoted(written)}`;
  return `no anchor &${name} comes before this; a * that is meant as text must be quoted: ${quoted(written)}`;
}

/** The library quotes what it read, which may be a secret. */
function withoutQuotation(message: string): string {
  const plain = message.replace(/: ?".*$/s, '').replace(/ in YAML stream$/, '');
  return plain.charAt(0).toLowerCase() + plain.slice(1);
}

/** The value as it should have been written; never a secret. */
function asQuoted(before: string, text: string): string {
  const key = before.replace(/[\s:"'-]+/g, '');
  return SECRET_KEYS.has(key) ? '' : `: ${quoted(text)}`;
}

function quoted(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}
