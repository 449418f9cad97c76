import { ExportdError } from '../../core/errors.ts';
import type { Stage } from '../receive.ts';
import { JsonColumns } from './json-columns.ts';
import {
  afterInNumber,
  BACKSLASH,
  endsNumber,
  INTEGER,
  isBlank,
  isDigit,
  isEscape,
  isHex,
  MINUS,
  QUOTE,
  ZERO,
} from './json-grammar.ts';
import { Utf8Check } from './utf8-check.ts';

/** What stands around the rows of a JSON answer. */
export interface Envelope {
  /** undefined: the answer has no `data`. */
  readonly rows: number | undefined;
  /** Every key that any of the rows has. */
  readonly columns: readonly string[];
  /** Of `success`, `message`, `code` and `metadata`: those that were there. */
  readonly beside: ReadonlyMap<string, unknown>;
}

// What may come next.
const VALUE = 0;
const ITEM = 1; // a value, or the end of an array
const KEY = 2;
const MEMBER = 3; // a key, or the end of an object
const COLON = 4;
const NEXT = 5; // a comma, or the end of what is open
const STRING = 6;
const ESCAPE = 7;
const HEX = 8;
const NUMBER = 9;
const WORD = 10;
const DONE = 11;

const ARRAY = 1;
const OBJECT = 2;

const COMMA = 0x2c;
const COLON_SIGN = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

// The document is {"success": true, "data": [{row}, {row}], "metadata": {…}}: how deep each of them is.
const ENVELOPE = 1;
const ROW = 3;

const DEEPEST = 512;
const LONGEST_KEY = 65_536;
const LONGEST_BESIDE = 65_536;
const BESIDE = new Set(['success', 'message', 'code', 'metadata']);
const WORDS = [Buffer.from('true'), Buffer.from('false'), Buffer.from('null')] as const;

/**
 * Turns a JSON answer into NDJSON as its bytes come, in constant memory: one row a line, every value a string or null.
 * Strings stay as they were written; numbers, booleans, arrays and objects become the text they were written as, arrays
 * and objects without the blanks. So no digit passes through a double, no key order changes, and no key gets lost.
 *
 * One byte at a time, because a chunk may end anywhere. The whole document is checked as strictly as JSON.parse does.
 */
export class JsonRows {
  readonly #columns = new JsonColumns();
  readonly #beside = new Map<string, unknown>();
  /** What is open, from the outside in. */
  readonly #open = new Uint8Array(DEEPEST + 1);
  #depth = 0;
  #state = VALUE;
  #inData = false;
  #sawData = false;
  #inKey = false;
  #hexLeft = 0;
  #number = MINUS;
  #word: Buffer = WORDS[0];
  #wordAt = 0;
  #envelopeKey = '';
  /** Pieces of a value beside the rows that began in an earlier chunk. */
  #kept: Buffer[] | undefined;
  #keptLength = 0;
  /** Output of this chunk; a key that a chunk cut in two waits at its beginning. */
  #out = Buffer.allocUnsafe(0);
  #waiting = 0;
  #offset = 0;
  readonly #characters = new Utf8Check();

  /** The lines, or parts of lines, that this chunk brings. Throws BODY_MALFORMED, or VALUE_MISFIT for a key that a row has twice. */
  push(chunk: Buffer): Buffer {
    if (!this.#characters.takes(chunk)) throw malformed('the JSON answer is not UTF-8');
    const out = this.#room(chunk.length);
    const open = this.#open;
    const columns = this.#columns;
    let o = this.#waiting;
    let keyAt = 0;
    let valueAt = this.#kept === undefined ? -1 : 0;
    let state = this.#state;
    let depth = this.#depth;
    let inData = this.#inData;
    let inKey = this.#inKey;
    const length = chunk.length;
    let i = 0;

    while (i < length) {
      const c = chunk[i] as number;
      switch (state) {
        case STRING: {
          const copied = inData || (inKey && depth === ENVELOPE);
          let b = c;
          if (copied) {
            while (b !== QUOTE && b !== BACKSLASH && b >= 0x20) {
              out[o++] = b;
              if (++i === length) break;
              b = chunk[i] as number;
            }
          } else {
            while (b !== QUOTE && b !== BACKSLASH && b >= 0x20) {
              if (++i === length) break;
              b = chunk[i] as number;
            }
          }
          if (i === length) continue;
          if (b < 0x20) throw this.#malformed(i);
          i += 1;
          const inCell = inData && depth > ROW;
          if (b === BACKSLASH) {
            if (inCell) out[o++] = BACKSLASH;
            if (copied) out[o++] = BACKSLASH;
            state = ESCAPE;
          } else if (inKey) {
            if (copied && !inCell) this.#noteKey(out, keyAt, o, inData, i);
            if (inCell) out[o++] = BACKSLASH;
            if (inData) out[o++] = QUOTE;
            else if (copied) o = keyAt;
            state = COLON;
          } else {
            if (inCell) out[o++] = BACKSLASH;
            if (inData) out[o++] = QUOTE;
            else if (depth === ENVELOPE) valueAt = this.#keep(chunk, valueAt, i);
            state = NEXT;
            if (inData && depth === ROW && i < length && chunk[i] === COMMA) {
              out[o++] = COMMA;
              i += 1;
              state = KEY;
            }
          }
          continue;
        }

        case ESCAPE:
          if (!isEscape(c)) throw this.#malformed(i);
          if (inData && depth > ROW && (c === QUOTE || c === BACKSLASH)) out[o++] = BACKSLASH;
          if (inData || (depth === ENVELOPE && inKey)) out[o++] = c;
          this.#hexLeft = 4;
          state = c === 0x75 ? HEX : STRING;
          break;

        case HEX:
          if (!isHex(c)) throw this.#malformed(i);
          if (inData || (depth === ENVELOPE && inKey)) out[o++] = c;
          this.#hexLeft -= 1;
          if (this.#hexLeft === 0) state = STRING;
          break;

        case NUMBER: {
          const next = afterInNumber(this.#number, c);
          if (next >= 0) {
            this.#number = next;
            if (inData) out[o++] = c;
            break;
          }
          if (!endsNumber(this.#number)) throw this.#malformed(i);
          if (inData && depth === ROW) out[o++] = QUOTE;
          if (!inData && depth === ENVELOPE) valueAt = this.#keep(chunk, valueAt, i);
          state = NEXT;
          continue; // This byte is not the number's: it is looked at again.
        }

        case WORD:
          if (c !== this.#word[this.#wordAt]) throw this.#malformed(i);
          if (inData) out[o++] = c;
          this.#wordAt += 1;
          if (this.#wordAt === this.#word.length) {
            if (inData && depth === ROW && this.#word !== WORDS[2]) out[o++] = QUOTE;
            if (!inData && depth === ENVELOPE) valueAt = this.#keep(chunk, valueAt, i + 1);
            state = NEXT;
          }
          break;

        case KEY:
        case MEMBER:
          if (isBlank(c)) break;
          if (c === QUOTE) {
            if (inData) {
              if (depth > ROW) out[o++] = BACKSLASH;
              out[o++] = QUOTE;
            }
            if (inData && depth === ROW) {
              // Most rows have the keys of the row before, in its order, and most values are strings.
              const likely = columns.likely;
              if (likely !== undefined && i + likely.length + 3 < length) {
                const wanted = likely.length;
                let same = 0;
                while (same < wanted && chunk[i + 1 + same] === likely[same]) {
                  out[o + same] = likely[same] as number;
                  same += 1;
                }
                if (same === wanted && chunk[i + 1 + wanted] === QUOTE) {
                  this.#refuseTwice(columns.takeLikely());
                  i += wanted + 1;
                  o += wanted;
                  out[o++] = QUOTE;
                  inKey = false;
                  state = COLON;
                  if (chunk[i + 1] === COLON_SIGN && chunk[i + 2] === QUOTE) {
                    out[o++] = COLON_SIGN;
                    out[o++] = QUOTE;
                    i += 2;
                    state = STRING;
                  }
                  break;
                }
              }
            }
            keyAt = o;
            inKey = true;
            state = STRING;
            break;
          }
          if (c !== CLOSE_BRACE || state === KEY) throw this.#malformed(i);
          state = NEXT;
          continue; // As any other end of an object.

        case COLON:
          if (isBlank(c)) break;
          if (c !== COLON_SIGN) throw this.#malformed(i);
          if (inData) out[o++] = c;
          state = VALUE;
          break;

        case VALUE:
        case ITEM:
          if (isBlank(c)) break;
          if (c === CLOSE_BRACKET && state === ITEM) {
            state = NEXT;
            continue; // As any other end of an array.
          }
          inKey = false;
          if (depth < ROW) {
            if (depth === 0 && c !== OPEN_BRACE) throw this.#malformed(i);
            if (inData && c !== OPEN_BRACE)
              throw malformed(`row ${this.#columns.row + 1} of the JSON answer is no object`);
            if (depth === ENVELOPE) {
              if (this.#envelopeKey === 'data') {
                if (c !== OPEN_BRACKET) throw malformed('"data" of the JSON answer is no list of rows');
                inData = true;
              } else valueAt = i;
            }
            if (inData && depth === ROW - 1) columns.startRow();
          }
          if (c === OPEN_BRACE || c === OPEN_BRACKET) {
            if (depth === DEEPEST) throw this.#malformed(i);
            if (inData && depth >= ROW - 1) {
              if (depth === ROW) out[o++] = QUOTE;
              out[o++] = c;
            }
            depth += 1;
            open[depth] = c === OPEN_BRACE ? OBJECT : ARRAY;
            state = c === OPEN_BRACE ? MEMBER : ITEM;
          } else if (c === QUOTE) {
            if (inData) {
              if (depth > ROW) out[o++] = BACKSLASH;
              out[o++] = QUOTE;
            }
            state = STRING;
          } else if (c === 0x2d || isDigit(c)) {
            if (inData) {
              if (depth === ROW) out[o++] = QUOTE;
              out[o++] = c;
            }
            this.#number = c === 0x2d ? MINUS : c === 0x30 ? ZERO : INTEGER;
            state = NUMBER;
          } else {
            const word = WORDS[c === 0x74 ? 0 : c === 0x66 ? 1 : 2];
            if (c !== word[0]) throw this.#malformed(i);
            if (inData) {
              if (depth === ROW && word !== WORDS[2]) out[o++] = QUOTE;
              out[o++] = c;
            }
            this.#word = word;
            this.#wordAt = 1;
            state = WORD;
          }
          break;

        case NEXT: {
          if (isBlank(c)) break;
          const inObject = open[depth] === OBJECT;
          if (c === COMMA) {
            if (inData && depth >= ROW) out[o++] = COMMA;
            state = inObject ? KEY : VALUE;
            break;
          }
          if (c !== (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) throw this.#malformed(i);
          depth -= 1;
          if (inData) {
            if (depth >= ROW - 1) out[o++] = c;
            if (depth === ROW) out[o++] = QUOTE;
            else if (depth === ROW - 1) out[o++] = 0x0a;
            else if (depth === ENVELOPE) inData = false;
          } else if (depth === ENVELOPE) valueAt = this.#keep(chunk, valueAt, i + 1);
          if (depth === 0) state = DONE;
          break;
        }

        default: // DONE
          if (!isBlank(c)) throw this.#malformed(i);
      }
      i += 1;
    }

    if (valueAt >= 0) this.#keepPart(chunk.subarray(valueAt));
    this.#offset += chunk.length;
    this.#state = state;
    this.#depth = depth;
    this.#inData = inData;
    this.#inKey = inKey;
    const cutKey = inKey && state >= STRING && state <= HEX && (inData ? depth === ROW : depth === ENVELOPE);
    return this.#take(o, cutKey ? keyAt : o);
  }

  /** Throws BODY_SHORT where the document is not over. */
  end(): Envelope {
    if (this.#state !== DONE) {
      throw new ExportdError('BODY_SHORT', `the JSON answer ends in the middle, after ${this.#offset} bytes`, {
        scope: 'period',
        retryable: true,
        hint: 'the source broke off; nothing of it was loaded',
      });
    }
    return {
      rows: this.#sawData ? this.#columns.row : undefined,
      columns: this.#columns.names,
      beside: this.#beside,
    };
  }

  #noteKey(out: Buffer, from: number, to: number, ofRow: boolean, at: number): void {
    if (to - from > LONGEST_KEY) throw this.#malformed(at);
    if (!ofRow) {
      this.#envelopeKey = String(JSON.parse(`"${out.toString('utf8', from, to)}"`));
      if (this.#envelopeKey !== 'data') return;
      if (this.#sawData) throw this.#malformed(at);
      this.#sawData = true;
      return;
    }
    this.#refuseTwice(this.#columns.take(out, from, to));
  }

  #refuseTwice(key: string | undefined): void {
    if (key === undefined) return;
    throw new ExportdError('VALUE_MISFIT', `row ${this.#columns.row} of the JSON answer has the key "${key}" twice`, {
      scope: 'period',
      hint: 'there is no telling which of the two is right; ask for format: csv, or tell the people of the source',
    });
  }

  /** Ends a value beside the rows; returns -1: none is being read. */
  #keep(chunk: Buffer, from: number, to: number): -1 {
    this.#keepPart(chunk.subarray(from, to));
    const text = Buffer.concat(this.#kept ?? []).toString('utf8');
    if (text !== '') this.#beside.set(this.#envelopeKey, JSON.parse(text));
    this.#kept = undefined;
    this.#keptLength = 0;
    return -1;
  }

  #keepPart(part: Buffer): void {
    this.#kept ??= [];
    if (!BESIDE.has(this.#envelopeKey)) return;
    this.#keptLength += part.length;
    if (this.#keptLength > LONGEST_BESIDE) {
      throw malformed(`"${this.#envelopeKey}" of the JSON answer is longer than ${LONGEST_BESIDE} bytes`);
    }
    this.#kept.push(Buffer.from(part));
  }

  /** Room for the worst that a chunk can become: a number's last quote, the row's end and the line's. */
  #room(length: number): Buffer {
    const needed = this.#waiting + 3 * length;
    if (this.#out.length < needed) {
      const larger = Buffer.allocUnsafe(needed);
      larger.set(this.#out.subarray(0, this.#waiting));
      this.#out = larger;
    }
    return this.#out;
  }

  /** What is written up to `upTo`; the rest waits for the next chunk. */
  #take(written: number, upTo: number): Buffer {
    const taken = Buffer.from(this.#out.subarray(0, upTo));
    this.#out.copyWithin(0, upTo, written);
    this.#waiting = written - upTo;
    if (this.#waiting > LONGEST_KEY) throw this.#malformed(0);
    return taken;
  }

  #malformed(at: number): ExportdError {
    return malformed(`the JSON answer is malformed at byte ${this.#offset + at}`);
  }
}

/** NDJSON from JSON, as a stage. `rows.end()` has the envelope once it is over. */
export function splitRows(rows: JsonRows): Stage {
  return async function* (chunks) {
    for await (const chunk of chunks) yield rows.push(chunk);
  };
}

function malformed(message: string): ExportdError {
  return new ExportdError('BODY_MALFORMED', message, {
    scope: 'period',
    retryable: true,
    hint: 'the source is asked again; nothing of it was loaded',
  });
}
