import { ExportdError } from '../../core/errors.ts';
import type { Stage } from '../../http/receive.ts';
import type { Layout } from '../source.ts';
import { JsonColumns } from './json-columns.ts';
import { JsonFields } from './json-fields.ts';
import {
  afterBlanks,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  endOfString,
  endOfValue,
  NotJson,
  OPEN_BRACE,
  OPEN_BRACKET,
} from './json-grammar.ts';
import { Utf8Check } from './utf8-check.ts';

/** What a JSON answer says besides its rows, and how those were written. */
export interface Envelope {
  /** undefined: the answer has no `data`. */
  readonly rows: number | undefined;
  readonly layout: Layout;
  /** Of `success`, `message`, `code` and `metadata`: those that were there. */
  readonly beside: ReadonlyMap<string, unknown>;
}

/** What may come next. */
type Next = 'document' | 'first key' | 'key' | 'after value' | 'first row' | 'row' | 'after row' | 'nothing';

const LONGEST_BESIDE = 65_536;

/** Bytes; others than the usual ones are for tests. */
export interface Sizes {
  /** What is read at once. Every time, the row at its end has not arrived whole and is read twice. */
  readonly batch: number;
  /** A row, or a key beside the rows with its value. */
  readonly longestPart: number;
}

const USUAL: Sizes = { batch: 1 << 18, longestPart: 1 << 25 };
const BESIDE = new Set(['success', 'message', 'code', 'metadata']);

/**
 * Turns a JSON answer, {"success": true, "data": [{row}, {row}], "metadata": {…}}, into CSV without a header as its
 * bytes come: one row a line, every value a text. Strings are quoted; numbers and booleans are the text they were
 * written as; arrays and objects too, without the blanks; null is nothing. So no digit passes through a double, no key
 * order changes, and no key gets lost.
 *
 * It reads a whole part at a time: a row, or a key beside the rows with its value. A part that has not arrived to its
 * end waits for the next chunk, and is read from its beginning again. So a document may have any size, a row up to 32 MiB.
 * The whole document is checked as strictly as JSON.parse does.
 */
export class JsonRows {
  readonly #columns = new JsonColumns();
  readonly #fields = new JsonFields();
  readonly #beside = new Map<string, unknown>();
  readonly #characters = new Utf8Check();
  readonly #sizes: Sizes;
  #next: Next = 'document';
  #rows = 0;
  #sawData = false;
  /** What has arrived and is not read, from 0 to #end, with a 0 behind it. */
  #bytes = Buffer.alloc(1);
  #end = 0;
  /** How much must be there before it is worth while to read again. */
  #wanted: number;
  /** Bytes before those. */
  #offset = 0;

  constructor(sizes: Partial<Sizes> = {}) {
    this.#sizes = { ...USUAL, ...sizes };
    this.#wanted = this.#sizes.batch;
  }

  /** The rows that are whole by now, as soon as there is a batch of them. Throws BODY_MALFORMED, or VALUE_MISFIT for a key that a row has twice. */
  push(chunk: Buffer): Buffer {
    if (!this.#characters.takes(chunk)) throw malformed('the JSON answer is not UTF-8');
    this.#append(chunk);
    return this.#end < this.#wanted ? Buffer.alloc(0) : this.#read();
  }

  /** The last rows. Throws BODY_SHORT where the document is not over, and as `push` does. */
  end(): Buffer {
    const rows = this.#read();
    if (this.#next === 'nothing') return rows;
    throw new ExportdError(
      'BODY_SHORT',
      `the JSON answer ends in the middle, after ${this.#offset + this.#end} bytes`,
      {
        scope: 'period',
        retryable: true,
        hint: 'the source broke off; nothing of it was loaded',
      },
    );
  }

  /** Once it is over. */
  get envelope(): Envelope {
    return {
      rows: this.#sawData ? this.#rows : undefined,
      layout: this.#fields.layout(this.#columns.names),
      beside: this.#beside,
    };
  }

  #append(chunk: Buffer): void {
    const end = this.#end + chunk.length;
    if (end >= this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * end + 1);
      this.#bytes.copy(larger, 0, 0, this.#end);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#end);
    this.#bytes[end] = 0;
    this.#end = end;
  }

  /** Reads what is there to the end of its last whole part. */
  #read(): Buffer {
    let read = 0;
    try {
      for (;;) {
        const at = afterBlanks(this.#bytes, read);
        if (at === this.#end) break;
        read = this.#part(at);
      }
      read = this.#end;
    } catch (error) {
      if (!(error instanceof NotJson)) throw error;
      if (error.at < this.#end) throw malformed(`the JSON answer is malformed at byte ${this.#offset + error.at}`);
    }
    this.#bytes.copyWithin(0, read, this.#end + 1);
    this.#end -= read;
    this.#offset += read;
    // A long part is not read anew with every chunk.
    const { batch, longestPart } = this.#sizes;
    this.#wanted = Math.max(batch, 2 * this.#end);
    if (this.#end > longestPart) {
      const what = this.#next.endsWith('row') ? `row ${this.#rows + 1}` : 'something beside the rows';
      throw malformed(`${what} of the JSON answer is longer than ${longestPart} bytes`);
    }
    return this.#fields.take();
  }

  /** Reads the next part; returns where it ends. Throws NotJson where that is not yet there, too. */
  #part(at: number): number {
    const c = this.#bytes[at];
    switch (this.#next) {
      case 'document':
        if (c !== OPEN_BRACE) throw new NotJson(at);
        return this.#then('first key', at + 1);
      case 'first key':
        return c === CLOSE_BRACE ? this.#then('nothing', at + 1) : this.#member(at);
      case 'key':
        return this.#member(at);
      case 'after value':
        if (c === CLOSE_BRACE) return this.#then('nothing', at + 1);
        if (c !== COMMA) throw new NotJson(at);
        return this.#then('key', at + 1);
      case 'first row':
        return c === CLOSE_BRACKET ? this.#then('after value', at + 1) : this.#row(at);
      case 'row':
        return this.#row(at);
      case 'after row':
        if (c === CLOSE_BRACKET) return this.#then('after value', at + 1);
        if (c !== COMMA) throw new NotJson(at);
        return this.#then('row', at + 1);
      case 'nothing':
        throw new NotJson(at);
    }
  }

  #then(next: Next, at: number): number {
    this.#next = next;
    return at;
  }

  /** A key beside the rows, with its value; of `data`, up to its first row. */
  #member(at: number): number {
    const bytes = this.#bytes;
    const keyEnd = endOfString(bytes, at);
    const key = String(JSON.parse(bytes.toString('utf8', at, keyEnd)));
    const start = this.#valueAfter(keyEnd);
    if (key === 'data') {
      if (this.#sawData) throw malformed('the JSON answer has "data" twice');
      if (start < this.#end && bytes[start] !== OPEN_BRACKET) {
        throw malformed('"data" of the JSON answer is no list of rows');
      }
      if (start === this.#end) throw new NotJson(start);
      this.#sawData = true;
      return this.#then('first row', start + 1);
    }
    const end = endOfValue(bytes, start);
    // A number may go on in the next chunk.
    if (end === this.#end) throw new NotJson(end);
    if (BESIDE.has(key)) {
      if (end - start > LONGEST_BESIDE) {
        throw malformed(`"${key}" of the JSON answer is longer than ${LONGEST_BESIDE} bytes`);
      }
      this.#beside.set(key, JSON.parse(bytes.toString('utf8', start, end)));
    }
    return this.#then('after value', end);
  }

  #row(at: number): number {
    const row = this.#rows + 1;
    if (this.#bytes[at] !== OPEN_BRACE) throw malformed(`row ${row} of the JSON answer is no object`);
    this.#fields.start(row, this.#end - at, this.#columns.count);
    let end = this.#fields.usualRow(this.#bytes, at);
    if (end < 0) {
      this.#fields.start(row, this.#end - at, this.#columns.count);
      end = this.#anyRow(at, row);
    }
    this.#fields.end(this.#columns.count);
    this.#rows = row;
    return this.#then('after row', end);
  }

  /** Writes a row key by key; returns where it ends. */
  #anyRow(at: number, row: number): number {
    const bytes = this.#bytes;
    const fields = this.#fields;
    this.#columns.startRow(row);
    let i = afterBlanks(bytes, at + 1);
    if (bytes[i] === CLOSE_BRACE) return i + 1;
    for (;;) {
      const keyEnd = this.#key(i);
      i = afterBlanks(bytes, fields.value(bytes, this.#valueAfter(keyEnd)));
      if (bytes[i] !== COMMA) break;
      i = afterBlanks(bytes, i + 1);
    }
    if (bytes[i] !== CLOSE_BRACE) throw new NotJson(i);
    fields.learn(bytes, at);
    return i + 1;
  }

  /** A key of a row. Most rows have the keys of the row before, in its order. */
  #key(at: number): number {
    const bytes = this.#bytes;
    const columns = this.#columns;
    const { likely } = columns;
    if (likely !== undefined) {
      let same = 0;
      while (same < likely.length && bytes[at + same] === likely[same]) same += 1;
      if (same === likely.length) {
        this.#fields.next(columns.takeLikely());
        return at + same;
      }
    }
    const end = endOfString(bytes, at);
    this.#fields.next(columns.take(bytes, at, end));
    return end;
  }

  /** Where the value begins, of a key that ends at `at`. */
  #valueAfter(at: number): number {
    const colon = afterBlanks(this.#bytes, at);
    if (this.#bytes[colon] !== COLON) throw new NotJson(colon);
    return afterBlanks(this.#bytes, colon + 1);
  }
}

/** Rows from JSON, as a stage. `rows.envelope` says the rest once it is over. */
export function splitRows(rows: JsonRows): Stage {
  return async function* (chunks) {
    for await (const chunk of chunks) {
      const completed = rows.push(chunk);
      if (completed.length > 0) yield completed;
    }
    yield rows.end();
  };
}

function malformed(message: string): ExportdError {
  return new ExportdError('BODY_MALFORMED', message, {
    scope: 'period',
    retryable: true,
    hint: 'the source is asked again; nothing of it was loaded',
  });
}
