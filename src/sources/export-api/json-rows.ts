import { isUtf8 } from 'node:buffer';
import { Transform } from 'node:stream';
import { ExportdError } from '../../core/errors.ts';
import { JsonColumns } from './json-columns.ts';

/** What stands around the rows of a JSON answer. */
export interface Envelope {
  /** undefined: the answer has no `data`. */
  readonly rows: number | undefined;
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

// Where in a number we are.
const MINUS = 0;
const ZERO = 1;
const INTEGER = 2;
const POINT = 3;
const FRACTION = 4;
const E = 5;
const SIGN = 6;
const EXPONENT = 7;

const ARRAY = 1;
const OBJECT = 2;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
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
  /** Bytes of a character that a chunk cut in two. */
  #torn: Buffer = Buffer.alloc(0);

  /** The lines, or parts of lines, that this chunk brings. Throws BODY_MALFORMED, or VALUE_MISFIT for a key that a row has twice. */
  push(chunk: Buffer): Buffer {
    this.#checkCharacters(chunk);
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
          if (inData ? depth === ROW : depth === ENVELOPE && inKey) {
            let b = c;
            while (b !== QUOTE && b !== BACKSLASH && b >= 0x20) {
              out[o++] = b;
              if (++i === length) break;
              b = chunk[i] as number;
            }
            if (i === length) continue;
            if (b < 0x20) throw this.#malformed(i);
            i += 1;
            if (b === BACKSLASH) {
              out[o++] = BACKSLASH;
              state = ESCAPE;
            } else if (!inKey) {
              out[o++] = QUOTE;
              state = NEXT;
            } else {
              this.#noteKey(out, keyAt, o, inData, i);
              if (inData) out[o++] = QUOTE;
              else o = keyAt;
              state = COLON;
            }
          } else if (inData) {
            let b = c;
            while (b !== QUOTE && b !== BACKSLASH && b >= 0x20) {
              out[o++] = b;
              if (++i === length) break;
              b = chunk[i] as number;
            }
            if (i === length) continue;
            if (b < 0x20) throw this.#malformed(i);
            i += 1;
            out[o++] = BACKSLASH;
            out[o++] = b;
            state = b === BACKSLASH ? ESCAPE : inKey ? COLON : NEXT;
          } else {
            let b = c;
            while (b !== QUOTE && b !== BACKSLASH && b >= 0x20) {
              if (++i === length) break;
              b = chunk[i] as number;
            }
            if (i === length) continue;
            if (b < 0x20) throw this.#malformed(i);
            i += 1;
            if (b === BACKSLASH) state = ESCAPE;
            else {
              state = inKey ? COLON : NEXT;
              if (!inKey && depth === ENVELOPE) valueAt = this.#keep(chunk, valueAt, i);
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
              const likely = columns.likely;
              if (likely !== undefined && chunk[i + 1 + likely.length] === QUOTE) {
                let same = 0;
                while (same < likely.length && chunk[i + 1 + same] === likely[same]) {
                  out[o + same] = likely[same] as number;
                  same += 1;
                }
                if (same === likely.length) {
                  this.#refuseTwice(columns.takeLikely());
                  i += likely.length + 1;
                  o += likely.length;
                  out[o++] = QUOTE;
                  state = COLON;
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
          if (c !== 0x3a) throw this.#malformed(i);
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
          } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
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
    return { rows: this.#sawData ? this.#columns.row : undefined, beside: this.#beside };
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

  #checkCharacters(chunk: Buffer): void {
    const bytes = this.#torn.length === 0 ? chunk : Buffer.concat([this.#torn, chunk]);
    const whole = bytes.length - tornLength(bytes);
    if (!isUtf8(bytes.subarray(0, whole))) throw malformed('the JSON answer is not UTF-8');
    this.#torn = Buffer.from(bytes.subarray(whole));
  }

  #malformed(at: number): ExportdError {
    return malformed(`the JSON answer is malformed at byte ${this.#offset + at}`);
  }
}

/** A stream of NDJSON from a stream of JSON. `rows.end()` has the envelope once it is over. */
export function splitRows(rows: JsonRows): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      try {
        callback(null, rows.push(chunk));
      } catch (error) {
        callback(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}

function malformed(message: string): ExportdError {
  return new ExportdError('BODY_MALFORMED', message, {
    scope: 'period',
    retryable: true,
    hint: 'the source is asked again; nothing of it was loaded',
  });
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

function isHex(c: number): boolean {
  return isDigit(c) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46);
}

/** What may stand after a backslash: " \\ / b f n r t u */
function isEscape(c: number): boolean {
  switch (c) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
    case 0x75:
      return true;
    default:
      return false;
  }
}

/** Where in a number we are after this byte; -1 where it is none of the number's. */
function afterInNumber(state: number, c: number): number {
  if (isDigit(c)) {
    switch (state) {
      case MINUS:
        return c === 0x30 ? ZERO : INTEGER;
      case INTEGER:
      case FRACTION:
      case EXPONENT:
        return state;
      case POINT:
        return FRACTION;
      case E:
      case SIGN:
        return EXPONENT;
      default:
        return -1;
    }
  }
  if (c === 0x2e) return state === ZERO || state === INTEGER ? POINT : -1;
  if (c === 0x65 || c === 0x45) return state === ZERO || state === INTEGER || state === FRACTION ? E : -1;
  if (c === 0x2b || c === 0x2d) return state === E ? SIGN : -1;
  return -1;
}

function endsNumber(state: number): boolean {
  return state === ZERO || state === INTEGER || state === FRACTION || state === EXPONENT;
}

/** How many bytes at the end belong to a character that is not over. */
function tornLength(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}
