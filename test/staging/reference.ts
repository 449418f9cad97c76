/** The contract's value rules a second time, in plain TypeScript over BigInt: what the SQL is compared with. */

const NUMBER = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?$/;

interface Decimal {
  readonly negative: boolean;
  readonly digits: bigint;
  /** The value is digits × 10^exponent. */
  readonly exponent: bigint;
}

function decimalOf(text: string): Decimal | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const [whole = '', fraction = ''] = (match[2] ?? '').split('.');
  return {
    negative: match[1] === '-',
    digits: BigInt(whole + fraction),
    exponent: BigInt(match[3] ?? 0) - BigInt(fraction.length),
  };
}

/** Units of 10^-scale, rounded half to even; undefined where it needs more than 38 digits. */
function unitsOf(
  { negative, digits, exponent }: Decimal,
  scale: number,
): { units: bigint; exact: boolean } | undefined {
  if (digits === 0n) return { units: 0n, exact: true };
  const shift = exponent + BigInt(scale);
  if (shift > 100n) return undefined;
  if (shift < -10_000n) return { units: 0n, exact: false };
  let units = shift >= 0n ? digits * 10n ** shift : 0n;
  let exact = true;
  if (shift < 0n) {
    const divisor = 10n ** -shift;
    const rest = digits % divisor;
    units = digits / divisor;
    exact = rest === 0n;
    if (rest * 2n > divisor || (rest * 2n === divisor && units % 2n === 1n)) units += 1n;
  }
  if (units >= 10n ** 38n) return undefined;
  return { units: negative ? -units : units, exact };
}

export function integerOf(text: string): string | undefined {
  const plain = /^[+-]?\d+(\.0+)?$/.test(text);
  const decimal = decimalOf(text);
  if (decimal === undefined || !(plain || /[eE]/.test(text))) return undefined;
  const scaled = unitsOf(decimal, 0);
  if (scaled === undefined || !scaled.exact) return undefined;
  const { units } = scaled;
  return units >= -(2n ** 63n) && units < 2n ** 63n ? units.toString() : undefined;
}

export function numericOf(text: string, scale: number): { text: string; rounded: boolean } | undefined {
  const decimal = decimalOf(text);
  const scaled = decimal === undefined ? undefined : unitsOf(decimal, scale);
  if (scaled === undefined) return undefined;
  const { units, exact } = scaled;
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  return {
    text: `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`,
    rounded: !exact,
  };
}

/** The JSON object in `text`, minified; undefined where it is none, or names a key twice. */
export function mapOf(text: string): string | undefined {
  let at = 0;
  const blanks = () => {
    while (' \t\r\n'.includes(text[at] ?? 'x')) at += 1;
  };
  const take = (pattern: RegExp): string | undefined => {
    const sticky = new RegExp(pattern, 'uy');
    sticky.lastIndex = at;
    const found = sticky.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const value = (): string | undefined => {
    blanks();
    if (text[at] === '{') return members('}', object);
    if (text[at] === '[') return members(']', array);
    return take(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/) ?? string();
  };
  const string = () => take(/"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/u);
  const object = (names: Set<string>): string | undefined => {
    blanks();
    const name = string();
    if (name === undefined) return undefined;
    const read: string = JSON.parse(name);
    if (names.has(read)) return undefined;
    names.add(read);
    blanks();
    if (take(/:/) === undefined) return undefined;
    const inner = value();
    return inner === undefined ? undefined : `${name}:${inner}`;
  };
  const array = () => value();
  const members = (close: string, member: (names: Set<string>) => string | undefined): string | undefined => {
    const open = text[at] ?? '';
    const names = new Set<string>();
    const all: string[] = [];
    at += 1;
    blanks();
    if (text[at] === close) {
      at += 1;
      return open + close;
    }
    for (;;) {
      const one = member(names);
      if (one === undefined) return undefined;
      all.push(one);
      blanks();
      const next = text[at];
      at += 1;
      if (next === close) return open + all.join(',') + close;
      if (next !== ',') return undefined;
    }
  };
  blanks();
  if (text[at] !== '{') return undefined;
  const minified = value();
  blanks();
  return at === text.length ? minified : undefined;
}
