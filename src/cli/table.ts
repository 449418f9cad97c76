import { stripVTControlCharacters } from 'node:util';

export interface TextColumn {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly align: 'left' | 'right';
}

/** Text tables for a fixed-width screen: two spaces between columns, no frame, so that `awk` and `cut` can read them too. */
export function textTable(columns: readonly TextColumn[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((column, i) =>
    rows.reduce((widest, row) => Math.max(widest, width(row[i] ?? '')), width(column.title)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => pad(cells[i] ?? '', widths[i] ?? 0, column.align))
      .join('  ')
      .trimEnd();
  return [columns.map((column) => column.title), ...rows].map(line);
}

/** Control characters made visible: what a server or a table holds must not drive the terminal. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => JSON.stringify(character).slice(1, -1).replace(CONTROL, codePoint));
}

/** Columns that a text takes on a terminal; its colours take none. */
export function width(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (ASCII.test(plain)) return plain.length;
  let columns = 0;
  for (const { segment } of graphemes.segment(plain)) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
}

/** The text cut to `columns`, with `…` where something is missing. */
export function clip(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let kept = '';
  let taken = 1;
  for (const { segment } of graphemes.segment(text)) {
    taken += width(segment);
    if (taken > columns) break;
    kept += segment;
  }
  return `${kept}…`;
}

function pad(text: string, columns: number, align: TextColumn['align']): string {
  const blank = ' '.repeat(Math.max(0, columns - width(text)));
  return align === 'right' ? blank + text : text + blank;
}

function codePoint(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const ASCII = /^[\x20-\x7e]*$/;
/** C0, DEL, C1, and the marks that turn the direction of a line. */
const CONTROL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\p{RGI_Emoji_Flag_Sequence}/v;
