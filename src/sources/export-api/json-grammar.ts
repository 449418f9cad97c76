/**
 * JSON (RFC 8259) by its bytes, as strictly as JSON.parse. Every function reads `bytes` from `at` and returns where what
 * it read ends. What follows the bytes that have arrived must be a 0, which stands nowhere in JSON: so nothing here asks
 * how many there are, and whoever calls tells from the place whether a fault is one, or the bytes just end.
 */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const BACKSLASH = 0x5c;
export const SLASH = 0x2f;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const SPACE = 0x20;

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;

const DEEPEST = 512;
const WORDS: ReadonlyMap<number, Uint8Array> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);

/** Where what was read stops to be JSON: there the bytes are wrong, or end. */
export class NotJson extends Error {
  readonly at: number;

  constructor(at: number) {
    super('not JSON');
    this.at = at;
  }
}

export function afterBlanks(bytes: Buffer, at: number): number {
  let i = at;
  while (isBlank(bytes[i] as number)) i += 1;
  return i;
}

export function isBlank(c: number): boolean {
  return c === SPACE || c === 0x0a || c === 0x0d || c === 0x09;
}

/** Any value. */
export function endOfValue(bytes: Buffer, at: number, depth = 0): number {
  const c = bytes[at] as number;
  if (c === QUOTE) return endOfString(bytes, at);
  if (c === OPEN_BRACE || c === OPEN_BRACKET) return endOfNested(bytes, at, depth);
  if (c === MINUS || isDigit(c)) return endOfNumber(bytes, at);
  return endOfWord(bytes, at);
}

/** `at` its opening quote. */
export function endOfString(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) throw new NotJson(at);
  let i = at + 1;
  for (;;) {
    const c = bytes[i] as number;
    if (c === QUOTE) return i + 1;
    if (c < SPACE) throw new NotJson(i);
    i = c === BACKSLASH ? endOfEscape(bytes, i) : i + 1;
  }
}

function endOfEscape(bytes: Buffer, at: number): number {
  switch (bytes[at + 1]) {
    case QUOTE:
    case BACKSLASH:
    case SLASH:
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 2;
    case 0x75: // u
      for (let i = at + 2; i < at + 6; i += 1) if (!isHex(bytes[i] as number)) throw new NotJson(i);
      return at + 6;
    default:
      throw new NotJson(at + 1);
  }
}

export function endOfNumber(bytes: Buffer, at: number): number {
  let i = bytes[at] === MINUS ? at + 1 : at;
  i = bytes[i] === ZERO ? i + 1 : endOfDigits(bytes, i);
  if (bytes[i] === POINT) i = endOfDigits(bytes, i + 1);
  const c = bytes[i];
  if (c !== 0x65 && c !== 0x45) return i;
  const sign = bytes[i + 1];
  return endOfDigits(bytes, sign === PLUS || sign === MINUS ? i + 2 : i + 1);
}

function endOfDigits(bytes: Buffer, at: number): number {
  let i = at;
  while (isDigit(bytes[i] as number)) i += 1;
  if (i === at) throw new NotJson(at);
  return i;
}

export function endOfWord(bytes: Buffer, at: number): number {
  const word = WORDS.get(bytes[at] as number);
  if (word === undefined) throw new NotJson(at);
  for (let i = 0; i < word.length; i += 1) if (bytes[at + i] !== word[i]) throw new NotJson(at + i);
  return at + word.length;
}

/** An object or an array. */
function endOfNested(bytes: Buffer, at: number, depth: number): number {
  if (depth === DEEPEST) throw new NotJson(at);
  const isObject = bytes[at] === OPEN_BRACE;
  const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
  let i = afterBlanks(bytes, at + 1);
  if (bytes[i] === close) return i + 1;
  for (;;) {
    if (isObject) {
      i = afterBlanks(bytes, endOfString(bytes, i));
      if (bytes[i] !== COLON) throw new NotJson(i);
      i = afterBlanks(bytes, i + 1);
    }
    i = afterBlanks(bytes, endOfValue(bytes, i, depth + 1));
    if (bytes[i] === close) return i + 1;
    if (bytes[i] !== COMMA) throw new NotJson(i);
    i = afterBlanks(bytes, i + 1);
  }
}

function isDigit(c: number): boolean {
  return c >= ZERO && c <= 0x39;
}

/** What stands before, between and behind the values of an object that is known to be one. */
export function aroundValues(bytes: Buffer, at: number): Buffer[] {
  const around: Buffer[] = [];
  let from = at;
  let i = afterBlanks(bytes, at + 1);
  while (bytes[i] !== CLOSE_BRACE) {
    const colon = afterBlanks(bytes, endOfString(bytes, i));
    const value = afterBlanks(bytes, colon + 1);
    around.push(Buffer.from(bytes.subarray(from, value)));
    from = endOfValue(bytes, value);
    i = afterBlanks(bytes, from);
    if (bytes[i] === COMMA) i = afterBlanks(bytes, i + 1);
  }
  around.push(Buffer.from(bytes.subarray(from, i + 1)));
  return around;
}

function isHex(c: number): boolean {
  return isDigit(c) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46);
}
