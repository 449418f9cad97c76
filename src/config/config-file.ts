import { LineCounter } from 'yaml';

/** One YAML file as it was read, with what is needed to show a line of it to a person. */
export interface ConfigFile {
  /** Absolute, links resolved. */
  readonly path: string;
  /** As people see it: the path that `--config` named, with the way inside a folder. */
  readonly shown: string;
  readonly text: string;
  readonly lines: LineCounter;
  /** Where secrets are written out in the text, start to end; an excerpt never shows them. Grows while values are read. */
  readonly secrets: Map<number, number>;
}

/** A stretch of a file; offsets in UTF-16 units, `end` exclusive. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** A span of a file. */
export interface Place extends Span {
  readonly file: ConfigFile;
}

export function configFile(path: string, shown: string, text: string): ConfigFile {
  return { path, shown, text, lines: new LineCounter(), secrets: new Map() };
}

/** Line and column, both from 1. */
export function lineAndColumn(place: Place): { readonly line: number; readonly column: number } {
  const { line, col } = place.file.lines.linePos(place.start);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** `config/jobs.yaml:12:5` */
export function placeName(place: Place): string {
  const { line, column } = lineAndColumn(place);
  return `${place.file.shown}:${line}:${column}`;
}

/** Keys whose values no output may show; for lines of files that are no YAML, where no tree says what is secret. */
const SECRET_LINE =
  /((?:api_key|apiKey|hash_key|token|password|passphrase|secret|private_key|signing_key|heartbeat_url|authorization|jwt)\w*["']?\s*:\s*)([^\s#,}\]][^#,}\]]*)/gi;
const URL_CREDENTIALS = /(:\/\/)([^/\s@]+)(?=@)/g;
/** Whoever knows it may post to the channel. */
const SLACK_URL = /(hooks\.slack\.com\/)([^\s"',}\]]+)/gi;

/** A text with what stands before the @ of a URL blotted out. */
export function withoutCredentials(text: string): string {
  return text.replace(URL_CREDENTIALS, '$1•••');
}

const WIDEST = 110;

/** The place's line with a caret below it; secrets blotted out, control characters shown as blanks. */
export function excerpt(place: Place): string {
  const { line, column } = lineAndColumn(place);
  const { text, lines, secrets } = place.file;
  const from = lines.lineStarts[line - 1] ?? 0;
  const breakAt = text.indexOf('\n', from);
  const to = breakAt === -1 ? text.length : breakAt;
  const shown = text.slice(from, to).split('');
  const blot = (start: number, end: number) => {
    for (let at = Math.max(start - from, 0); at < Math.min(end, to) - from; at++) shown[at] = '•';
  };
  for (const [start, end] of secrets) blot(start, end);
  for (const pattern of [SECRET_LINE, URL_CREDENTIALS, SLACK_URL]) {
    for (const match of text.slice(from, to).matchAll(pattern)) {
      const value = match[2] ?? '';
      if (value.includes('${')) continue;
      const start = from + match.index + (match[1] ?? '').length;
      blot(start, start + value.trimEnd().length);
    }
  }
  const skip = shown.length > WIDEST ? Math.max(0, column - 1 - Math.floor(WIDEST / 2)) : 0;
  const clean = shown
    .slice(skip, skip + WIDEST)
    .join('')
    .replace(/\p{Cc}/gu, ' ')
    .trimEnd();
  const caret = column - 1 - skip;
  const width = Math.max(1, Math.min(place.end - place.start, clean.length - caret));
  const gutter = String(line);
  return `  ${gutter} | ${clean}\n  ${' '.repeat(gutter.length)} | ${' '.repeat(caret)}${'^'.repeat(width)}`;
}
