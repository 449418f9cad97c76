import type { YAMLParseError } from 'yaml';
import type { ConfigFile, Place } from './config-file.ts';
import { type Problem, problem } from './problems.ts';
import { SECRET_KEYS } from './schema.ts';

/** What a person should do about the YAML errors of one file: one message a line, since one slip breeds many. */
export function explainSyntaxErrors(file: ConfigFile, errors: readonly YAMLParseError[]): Problem[] {
  const byLine = new Map<number, Problem>();
  for (const error of [...errors].sort((a, b) => a.pos[0] - b.pos[0])) {
    const { line } = file.lines.linePos(error.pos[0]);
    if (!byLine.has(line)) byLine.set(line, explain(file, error, line));
  }
  return [...byLine.values()];
}

function explain(file: ConfigFile, error: YAMLParseError, line: number): Problem {
  const lineStart = file.lines.lineStarts[line - 1] ?? 0;
  const lineText = file.text.slice(lineStart).split('\n', 1)[0] ?? '';
  const at = (index: number, length: number): Place => ({
    file,
    start: lineStart + index,
    end: lineStart + index + length,
  });

  const flowReference = /[[{,:]\s*(\$\{[^}\s]*\}?)/.exec(lineText);
  if (flowReference?.[1] !== undefined && /[[{]/.test(lineText.replaceAll('${', ''))) {
    const reference = flowReference[1];
    const place = at(flowReference.index + flowReference[0].length - reference.length, reference.length);
    return problem(place, `inside { } and [ ] a ${'${…}'} must be quoted: "${reference}"`);
  }
  const value = LINE.exec(lineText);
  const [, before = '', text = ''] = value ?? [];
  if (/^[*@`%]/.test(text)) {
    return problem(
      at(before.length, text.length),
      `text that begins with ${text[0]} must be quoted${asQuoted(before, text)}`,
    );
  }
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY' && text.includes(': ')) {
    return problem(at(before.length, text.length), `text with ": " in it must be quoted${asQuoted(before, text)}`);
  }
  const place: Place = { file, start: error.pos[0], end: Math.max(error.pos[1], error.pos[0] + 1) };
  if (error.code === 'BAD_SCALAR_START' || error.code === 'BAD_ALIAS') {
    const start = file.text[error.pos[0]] ?? '';
    return problem(place, `text that begins with ${start} must be quoted`);
  }
  return problem(place, WORDS[error.code] ?? `this is no YAML: ${withoutQuotation(error.message)}`);
}

/** `key: value`, or an entry of a list; what stands before the value, and the value without a comment. */
const LINE = /^(\s*(?:- +)*(?:[\w.-]+|"[^"]*"|'[^']*')\s*:\s+|\s*- +)(\S.*?)\s*(?:\s#.*)?$/;

const WORDS: Partial<Record<YAMLParseError['code'], string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'a map begins on the line below its key; text with ": " in it must be quoted',
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
