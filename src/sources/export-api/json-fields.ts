import type { Layout } from '../source.ts';
import { textOf } from './json-columns.ts';
import {
  aroundValues,
  BACKSLASH,
  COMMA,
  endOfNumber,
  endOfString,
  endOfValue,
  endOfWord,
  isBlank,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SLASH,
  SPACE,
} from './json-grammar.ts';

const LINE_END = 0x0a;
const NULL = 0x6e;
const FEWEST_FIELDS = 2;

/**
 * Writes the values of JSON rows as CSV: strings, arrays and objects in quotes, numbers and booleans as they are, null
 * as nothing. A row is `start`, then `usualRow`, or `next` and `value` for each of its keys, then `end`; one that is
 * started again instead of ended was never there.
 */
export class JsonFields {
  #out = Buffer.allocUnsafe(0);
  /** Where the last whole row ends. */
  #rowsEnd = 0;
  #at = 0;
  /** Of the row that is being written: which column each of its fields is, and where the field ends. */
  #columns = new Int32Array(64);
  #ends = new Int32Array(64);
  #count = 0;
  #isInOrder = true;
  #row = 0;
  /** What stands around the values of a row whose keys are the first columns in their order. */
  #around: readonly Buffer[] = [];
  #firstWidth: number | undefined;
  #width = 0;
  #longestRow = 0;
  #spansLines = false;

  /** Row `row`, from 1, of which at most `bytes` have arrived, and which may have up to `columns` columns. */
  start(row: number, bytes: number, columns: number): void {
    this.#row = row;
    this.#at = this.#rowsEnd;
    this.#count = 0;
    this.#isInOrder = true;
    // The most that bytes can become is all quotes doubled, and a comma for every column that a row lacks.
    const needed = this.#rowsEnd + 2 * bytes + columns + FEWEST_FIELDS + 1;
    if (needed <= this.#out.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.ceil(1.25 * needed));
    this.#out.copy(larger, 0, 0, this.#rowsEnd);
    this.#out = larger;
  }

  /**
   * Writes a whole row around whose values stands what stood around an earlier one's: so it has the same keys, each
   * once. Most rows of an export are so, and read in two thirds of the time. Returns where it ends, or -1: this is
   * none, and is to be started again and read key by key.
   */
  usualRow(bytes: Buffer, at: number): number {
    const around = this.#around;
    const values = around.length - 1;
    if (values < 0) return -1;
    let i = at;
    for (let field = 0; field <= values; field += 1) {
      const text = around[field] as Buffer;
      const { length } = text;
      for (let same = 0; same < length; same += 1) if (bytes[i + same] !== text[same]) return -1;
      i += length;
      if (field === values) break;
      if (field > 0) this.#out[this.#at++] = COMMA;
      i = this.value(bytes, i);
    }
    this.#count = values;
    return i;
  }

  /** The next value is this column's. */
  next(column: number): void {
    const count = this.#count;
    if (count === this.#columns.length) {
      this.#columns = twice(this.#columns);
      this.#ends = twice(this.#ends);
    }
    if (count > 0) {
      this.#ends[count - 1] = this.#at;
      this.#out[this.#at++] = COMMA;
    }
    if (column !== count) this.#isInOrder = false;
    this.#columns[count] = column;
    this.#count = count + 1;
  }

  /** Writes the value at `at`; returns where it ends. Throws NotJson, and VALUE_MISFIT as `textOf` does. */
  value(bytes: Buffer, at: number): number {
    const c = bytes[at];
    if (c === QUOTE) return this.#string(bytes, at);
    if (c === OPEN_BRACE || c === OPEN_BRACKET) return this.#nested(bytes, at);
    if (c === NULL) return endOfWord(bytes, at);
    const end = c === 0x74 || c === 0x66 ? endOfWord(bytes, at) : endOfNumber(bytes, at);
    const out = this.#out;
    let o = this.#at;
    for (let i = at; i < end; i += 1) out[o++] = bytes[i] as number;
    this.#at = o;
    return end;
  }

  /** The row at `at` was read key by key; if its keys are the first columns, and more than so far, rows like it are usual now. */
  learn(bytes: Buffer, at: number): void {
    if (this.#isInOrder && this.#count >= this.#around.length) this.#around = aroundValues(bytes, at);
  }

  /** Ends the row. It gets `columns` fields, at least two: a line without a comma could be an empty one, which is no row. */
  end(columns: number): void {
    const width = Math.max(columns, FEWEST_FIELDS);
    if (this.#count > 0) this.#ends[this.#count - 1] = this.#at;
    if (!this.#isInOrder) this.#putInOrder(width);
    const out = this.#out;
    let o = this.#at;
    for (let field = Math.max(1, this.#count); field < width; field += 1) out[o++] = COMMA;
    out[o++] = LINE_END;
    this.#longestRow = Math.max(this.#longestRow, o - this.#rowsEnd);
    this.#firstWidth ??= width;
    this.#width = width;
    this.#rowsEnd = o;
  }

  /** The rows that were ended since it was last called. */
  take(): Buffer {
    const taken = Buffer.from(this.#out.subarray(0, this.#rowsEnd));
    this.#rowsEnd = 0;
    return taken;
  }

  layout(columns: readonly string[]): Layout {
    return {
      columns,
      isRagged: this.#firstWidth !== undefined && this.#firstWidth < this.#width,
      spansLines: this.#spansLines,
      longestRow: this.#longestRow,
    };
  }

  #string(bytes: Buffer, at: number): number {
    const out = this.#out;
    let o = this.#at;
    let i = at + 1;
    out[o++] = QUOTE;
    for (;;) {
      let c = bytes[i] as number;
      while (c !== QUOTE && c !== BACKSLASH && c >= SPACE) {
        out[o++] = c;
        c = bytes[++i] as number;
      }
      if (c === QUOTE) {
        out[o++] = QUOTE;
        this.#at = o;
        return i + 1;
      }
      const escaped = bytes[i + 1];
      if (c !== BACKSLASH || (escaped !== QUOTE && escaped !== BACKSLASH && escaped !== SLASH)) {
        return this.#unusualString(bytes, at);
      }
      if (escaped === QUOTE) out[o++] = QUOTE;
      out[o++] = escaped;
      i += 2;
    }
  }

  #unusualString(bytes: Buffer, at: number): number {
    const end = endOfString(bytes, at);
    const text = textOf(bytes.subarray(at, end), this.#row);
    if (/[\r\n]/.test(text)) this.#spansLines = true;
    this.#at += this.#out.write(`"${text.replaceAll('"', '""')}"`, this.#at);
    return end;
  }

  /** An object or an array, without the blanks between its parts. */
  #nested(bytes: Buffer, at: number): number {
    const end = endOfValue(bytes, at);
    const out = this.#out;
    let o = this.#at;
    let inString = false;
    out[o++] = QUOTE;
    for (let i = at; i < end; i += 1) {
      const c = bytes[i] as number;
      if (c === QUOTE) {
        inString = !inString;
        out[o++] = QUOTE;
      } else if (!inString && isBlank(c)) {
        continue;
      } else if (c === BACKSLASH) {
        out[o++] = c;
        i += 1;
        if (bytes[i] === QUOTE) out[o++] = QUOTE;
      }
      out[o++] = bytes[i] as number;
    }
    out[o++] = QUOTE;
    this.#at = o;
    return end;
  }

  /** Puts the fields where their columns are, empty ones between. */
  #putInOrder(width: number): void {
    const from = this.#rowsEnd;
    const written = Buffer.from(this.#out.subarray(from, this.#at));
    const fields = new Array<Buffer>(width).fill(NOTHING);
    let last = 0;
    let start = 0;
    for (let field = 0; field < this.#count; field += 1) {
      const end = (this.#ends[field] as number) - from;
      const column = this.#columns[field] as number;
      fields[column] = written.subarray(start, end);
      last = Math.max(last, column);
      start = end + 1;
    }
    let o = from;
    for (let column = 0; column <= last; column += 1) {
      if (column > 0) this.#out[o++] = COMMA;
      o += (fields[column] ?? NOTHING).copy(this.#out, o);
    }
    this.#at = o;
    this.#count = last + 1;
  }
}

const NOTHING = Buffer.alloc(0);

function twice(numbers: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * numbers.length);
  larger.set(numbers);
  return larger;
}
