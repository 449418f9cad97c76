/** The bytes of JSON (RFC 8259), one at a time. */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;

// Where in a number we are.
export const MINUS = 0;
export const ZERO = 1;
export const INTEGER = 2;
const POINT = 3;
const FRACTION = 4;
const E = 5;
const SIGN = 6;
const EXPONENT = 7;

export function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}

export function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

export function isHex(c: number): boolean {
  return isDigit(c) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46);
}

/** What may stand after a backslash: " \\ / b f n r t u */
export function isEscape(c: number): boolean {
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
export function afterInNumber(state: number, c: number): number {
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

export function endsNumber(state: number): boolean {
  return state === ZERO || state === INTEGER || state === FRACTION || state === EXPONENT;
}
