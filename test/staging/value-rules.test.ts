import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ColumnType } from '../../src/core/words.ts';
import type { Connection, Engine } from '../../src/duckdb/engine.ts';
import { openEngine } from '../../src/duckdb/engine.ts';
import { DUCKDB_TYPES } from '../../src/duckdb/types.ts';
import { typedValue, VALUE_RULES } from '../../src/staging/value-rules.ts';
import { integerOf, mapOf, numericOf } from './reference.ts';

let engine: Engine;
let connection: Connection;

beforeAll(async () => {
  engine = await openEngine({ memoryLimit: 256_000_000, temporaryDirectory: '/tmp', threads: 1 });
  connection = await engine.connect();
  for (const rule of VALUE_RULES) await connection.run(rule);
});
afterAll(async () => {
  await connection[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

/** What each text lands as, as text; null where it is refused. */
async function land(type: ColumnType, texts: readonly string[], mayRound?: string): Promise<(string | null)[]> {
  const [row] = await connection.rows<{ landed: (string | null)[] }>(
    `SELECT list(CAST(CAST(${typedValue('v', type, mayRound)} AS ${DUCKDB_TYPES[type]}) AS VARCHAR) ORDER BY i) AS landed
     FROM (SELECT unnest(from_json($texts, '["VARCHAR"]')) AS v, generate_subscripts(from_json($texts, '["VARCHAR"]'), 1) AS i)`,
    { texts: JSON.stringify(texts) },
  );
  return row?.landed ?? [];
}

const LANDS: Readonly<Record<Exclude<ColumnType, 'string'>, Readonly<Record<string, string>>>> = {
  integer: {
    '0': '0',
    '-0': '0',
    '+5': '5',
    '0012': '12',
    '1.0': '1',
    '-1.000': '-1',
    '1e3': '1000',
    '1.5e1': '15',
    '100e-2': '1',
    '.5e1': '5',
    '0e999999999999999999999': '0',
    '9223372036854775807': '9223372036854775807',
    '-9223372036854775808': '-9223372036854775808',
    '00000000000000000000000000000000000000000000000007': '7',
  },
  numeric: {
    '1': '1.000000000',
    '1.': '1.000000000',
    '.5': '0.500000000',
    '-0': '0.000000000',
    '+1.25': '1.250000000',
    '5.82e-11': '0.000000000',
    '6e-10': '0.000000001',
    '0.30000000000000004': '0.300000000',
    '0.0000000005': '0.000000000',
    '0.0000000015': '0.000000002',
    '-0.0000000025': '-0.000000002',
    '0.00000000250000000000000000000000000000000000001': '0.000000003',
    '1e-999999999999999999999': '0.000000000',
    '12345678901234567891': '12345678901234567891.000000000',
    '99999999999999999999999999999.9999999994': '99999999999999999999999999999.999999999',
    '1e28': '10000000000000000000000000000.000000000',
  },
  'numeric(38,18)': {
    '5.82e-11': '0.000000000058200000',
    '12345678901234567891.5': '12345678901234567891.500000000000000000',
    '0.0000000000000000005': '0.000000000000000000',
  },
  float: {
    '1': '1.0',
    '.5': '0.5',
    '1.': '1.0',
    '0.1': '0.1',
    '1e-999': '0.0',
    '-1e300': '-1e+300',
    '0.30000000000000004': '0.30000000000000004',
  },
  boolean: { true: 'true', FALSE: 'false', True: 'true' },
  date: {
    '2026-03-29': '2026-03-29',
    '2024-02-29': '2024-02-29',
    '0001-01-01': '0001-01-01',
    '9999-12-31': '9999-12-31',
    '2026-03-29T23:30:00-05:00': '2026-03-29',
    '2026-03-29 00:00:00': '2026-03-29',
  },
  timestamp: {
    '2026-01-01T10:00:00Z': '2026-01-01 10:00:00+00',
    '2026-01-01T10:00:00': '2026-01-01 10:00:00+00',
    '2026-01-01 10:00': '2026-01-01 10:00:00+00',
    '2026-01-01t10:00:00z': '2026-01-01 10:00:00+00',
    '2026-01-01T10:00:00.123456Z': '2026-01-01 10:00:00.123456+00',
    '2026-01-01T10:00:00.1234560000Z': '2026-01-01 10:00:00.123456+00',
    '2026-01-01T10:00:00,5+05:30': '2026-01-01 04:30:00.5+00',
    '2026-01-01T10:00:00-0530': '2026-01-01 15:30:00+00',
    '2026-01-01T10:00:00+05': '2026-01-01 05:00:00+00',
    '9999-12-31T23:59:59.999999Z': '9999-12-31 23:59:59.999999+00',
  },
  map: {
    '{}': '{}',
    ' { "a" : 1.10 ,\t"b":1e2 } ': '{"a":1.10,"b":1e2}',
    '{"a":12345678901234567890123456789.10}': '{"a":12345678901234567890123456789.10}',
    '{"b":1,"a":-0}': '{"b":1,"a":-0}',
    '{"__proto__": 3, "constructor": 1, "gpt-x": 2}': '{"__proto__":3,"constructor":1,"gpt-x":2}',
    '{"a b":" { , ] \\" "}': '{"a b":" { , ] \\" "}',
    '{"a":{"b":1,"c":[{"b":1}]}}': '{"a":{"b":1,"c":[{"b":1}]}}',
    '{"a":1,"A":2,"b":3,"c":4}': '{"a":1,"A":2,"b":3,"c":4}',
  },
};

const REFUSED: Readonly<Record<Exclude<ColumnType, 'string'>, readonly string[]>> = {
  integer: [
    '1.5',
    '1.4999',
    '1_000',
    '0x10',
    '1.0e-5',
    '1,234',
    '9223372036854775808',
    'true',
    'NaN',
    ' 1',
    '1 ',
    '1.',
    '.5',
    '',
    '-',
    '1e',
    '--1',
    '１',
    '1e99',
  ],
  numeric: [
    '1e29',
    '99999999999999999999999999999.9999999995',
    '1_0',
    ' 1',
    '1 ',
    'NaN',
    'Infinity',
    '0x1',
    '1,5',
    '.',
    '',
    '+',
    '1e1.5',
    '1\n',
  ],
  'numeric(38,18)': ['100000000000000000000', '1e20', '1_0', 'x'],
  float: ['NaN', 'nan', 'Infinity', '-inf', '1e400', '0x1', '1_0', ' 1', '', 'x'],
  boolean: ['1', '0', 't', 'yes', ' true', ''],
  date: [
    '2026-1-1',
    '2026-02-30',
    '0000-01-01',
    '10000-01-01',
    '2026-03-29T25:00:00Z',
    '26-03-29',
    'today',
    'infinity',
    'epoch',
    ' 2026-03-29',
    '0044-03-15 (BC)',
    '',
  ],
  timestamp: [
    '2026-01-01T24:00:00Z',
    '2026-01-01T10:00:60Z',
    '2026-01-01T10:00:00.1234567Z',
    '2026-02-30T10:00:00Z',
    '2026-01-01',
    '2026-01-01T10:00:00 Europe/Berlin',
    '0001-01-01T00:00:00+05:00',
    '9999-12-31T23:00:00-05:00',
    'now',
    '',
  ],
  map: [
    '[1]',
    '"x"',
    '1',
    'null',
    '',
    '{',
    '{"a":1,}',
    '{"a":NaN}',
    '{"a":Infinity}',
    '{"a":01}',
    '{"a":1 2}',
    "{'a':1}",
    '{a:1}',
    '{"a":1}//',
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"a":1,"b":2,"c":3,"d":4,"b":5}',
    '{"x":{"b":1,"b":2}}',
    '{"x":[{"b":1,"b":2}]}',
    '{"a":"\\ud800"}',
    '{"a":"\n"}',
    '\u00a0{}',
  ],
};

describe.each(Object.entries(LANDS) as [ColumnType, Record<string, string>][])('%s lands', (type, texts) => {
  test.each(Object.entries(texts))('%s as %s', async (text, landed) => {
    expect(await land(type, [text])).toEqual([landed]);
  });
});

describe.each(Object.entries(REFUSED) as [ColumnType, readonly string[]][])('%s refuses (case b04)', (type, texts) => {
  test.each(texts)('%j', async (text) => {
    expect(await land(type, [text])).toEqual([null]);
  });
});

test.each(Object.keys(LANDS) as ColumnType[])('null stays null: %s', async (type) => {
  const [row] = await connection.rows<{ none: boolean }>(
    `SELECT ${typedValue('v', type)} IS NULL AS none FROM (SELECT NULL::VARCHAR AS v)`,
  );
  expect(row?.none).toBe(true);
});

test('a number with more digits than its column is refused where it may not be rounded', async () => {
  expect(await land('numeric', ['0.1234567891', '0.123456789'], 'false')).toEqual([null, '0.123456789']);
});

const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789059'), maxLength: max });
const numberish = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', '', '', '-', '+'),
        digits(32),
        fc.oneof(
          fc.constant(''),
          digits(24).map((fraction) => `.${fraction}`),
        ),
        fc.oneof(
          fc.constant(''),
          fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.nat(45)).map((parts) => parts.join('')),
        ),
      )
      .map((parts) => parts.join('')),
  },
  // Halves, and what is next to them.
  {
    weight: 2,
    arbitrary: fc
      .tuple(digits(6), digits(9), fc.constantFrom('5', '50', '500000', '4999999999999', '5000000000001'))
      .map(([a, b, c]) => `${a}.${b.padStart(9, '0')}${c}`),
  },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'0159.eE+-_x \n'), maxLength: 12 }) },
);

describe('whatever is written, SQL and plain arithmetic agree on', () => {
  const agree = (type: ColumnType, texts: fc.Arbitrary<string>, reference: (text: string) => string | undefined) =>
    fc.assert(
      fc.asyncProperty(fc.array(texts, { minLength: 200, maxLength: 400 }), async (all) => {
        const landed = await land(type, all);
        for (const [index, text] of all.entries()) {
          expect([text, landed[index]]).toEqual([text, reference(text) ?? null]);
        }
      }),
      { numRuns: 12 },
    );

  test('integers', () => agree('integer', numberish, integerOf));
  test('numerics', () => agree('numeric', numberish, (text) => positiveZero(numericOf(text, 9)?.text)));
  test('numerics of 18 digits', () =>
    agree('numeric(38,18)', numberish, (text) => positiveZero(numericOf(text, 18)?.text)));

  test('which numbers are rounded', () =>
    fc.assert(
      fc.asyncProperty(fc.array(numberish, { minLength: 200, maxLength: 400 }), async (all) => {
        const exact = await land('numeric', all, 'false');
        const landed = await land('numeric', all);
        for (const [index, text] of all.entries()) {
          const rounded = landed[index] !== null && exact[index] === null;
          expect([text, rounded]).toEqual([text, numericOf(text, 9)?.rounded ?? false]);
        }
      }),
      { numRuns: 8 },
    ));

  const json = fc.oneof(
    { weight: 5, arbitrary: fc.json({ maxDepth: 3 }) },
    {
      weight: 5,
      arbitrary: fc
        .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 2 }))
        .map((value) => JSON.stringify(value, null, 1)),
    },
    {
      weight: 3,
      arbitrary: fc
        .array(fc.tuple(fc.constantFrom('a', 'b', '\\u0061', 'c', '__proto__', 'é'), numberish))
        .map((members) => `{${members.map(([name, value]) => `"${name}": ${value}`).join(', ')}}`),
    },
    {
      weight: 3,
      arbitrary: fc
        .string({ unit: fc.constantFrom(...'{}[]",:0123.eE-+ \\untrfalse\n\t'), maxLength: 24 })
        .map((text) => `{"k":${text}}`),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme' }) },
  );
  test('maps, minified to the digit', () => agree('map', json, mapOf));

  test('dates', () =>
    agree(
      'date',
      fc
        .tuple(fc.integer({ min: -1, max: 10_010 }), fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }))
        .map(([y, m, d]) =>
          [String(y).padStart(4, '0'), String(m).padStart(2, '0'), String(d).padStart(2, '0')].join('-'),
        ),
      (text) => {
        const at = new Date(`${text}T00:00:00Z`);
        const exists = /^\d{4}-/.test(text) && text >= '0001' && !Number.isNaN(at.getTime());
        return exists && at.toISOString().startsWith(text) ? text : undefined;
      },
    ));

  test('timestamps', () =>
    agree(
      'timestamp',
      fc
        .tuple(
          fc.date({ min: new Date('0002-01-01'), max: new Date('9998-01-01'), noInvalidDate: true }),
          fc.constantFrom('T', ' ', 't'),
          fc.constantFrom('Z', 'z', '', '+00:00', '+02:00', '-0330', '+14', '+2400', '+02:60', 'X'),
          fc.constantFrom('', '.5', '.120', '.123456', '.1234560', '.1234567'),
        )
        .map(
          ([at, t, offset, fraction]) =>
            `${at.toISOString().slice(0, 10)}${t}${at.toISOString().slice(11, 19)}${fraction}${offset}`,
        ),
      (text) => {
        const match = /^(\S{10}).(\d\d:\d\d:\d\d)(?:\.(\d+))?(.*)$/.exec(text);
        const [, date, time, fraction = '', offset = ''] = match ?? [];
        const zone = /^([zZ]|)$/.test(offset) ? '+00:00' : /^([+-])(\d\d)(?::?(\d\d))?$/.exec(offset)?.slice(1, 4);
        const shift = Array.isArray(zone) ? `${zone[0]}${zone[1]}:${zone[2] ?? '00'}` : zone;
        if (shift === undefined || !/^.([01]\d|2[0-3]):[0-5]\d$/.test(shift) || fraction.replace(/0+$/, '').length > 6)
          return undefined;
        const at = new Date(`${date}T${time}${shift}`).toISOString();
        const micros = fraction.replace(/0+$/, '');
        return `${at.slice(0, 10)} ${at.slice(11, 19)}${micros === '' ? '' : `.${micros}`}+00`;
      },
    ));
});

/** DuckDB writes no minus before a zero. */
function positiveZero(text: string | undefined): string | undefined {
  return text?.replace(/^-(?=0\.0+$)/, '');
}
