/** Whatever the rows, CSV and JSON bring the same ones into the file: texts as they were, numbers as arithmetic has them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exact, type Row } from '../engines/usage-api.ts';
import { integerOf, mapOf, numericOf } from '../staging/reference.ts';
import { day, firstDays } from './days.ts';
import { type World, world } from './world.ts';

const DAYS = 12;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A number's text goes as a number where JSON can write it so, and as text elsewhere. */
const sent = (text: string) => (JSON_NUMBER.test(text) ? exact(text) : text);

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', '\\', "'", ' ', '\u0000', '\ufeff', 'a'), maxLength: 8 }),
);
const digits = (most: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: most });
const decimal = fc
  .tuple(fc.constantFrom('', '-', '+'), digits(24), fc.option(digits(24)), fc.option(fc.integer({ min: -12, max: 4 })))
  .map(([sign, whole, fraction, exponent]) => {
    return `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`;
  });
const integer = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String), decimal);
const row = fc.record({
  name: fc.option(text),
  department: fc.option(text),
  messages_total: fc.option(integer.filter((it) => integerOf(it) !== undefined)),
  payg_consumption_in_period: fc.option(decimal.filter((it) => numericOf(it, 9) !== undefined)),
  model_to_messages_total: fc.option(fc.dictionary(text, fc.integer(), { maxKeys: 3, noNullPrototype: true })),
});

type Given = typeof row extends fc.Arbitrary<infer Value> ? Value : never;

const asSent = (given: Given, n: number): Row => ({
  ...given,
  user_id: `u${n}`,
  messages_total: given.messages_total === null ? null : sent(given.messages_total),
  payg_consumption_in_period: given.payg_consumption_in_period === null ? null : sent(given.payg_consumption_in_period),
});

const hex = (value: string | null) => (value === null ? null : Buffer.from(value).toString('hex').toUpperCase());

/** The row as it must be in the table. */
const asLanded = (given: Given): (string | null)[] => [
  hex(given.name),
  hex(given.department),
  given.messages_total === null ? null : (integerOf(given.messages_total) ?? 'none'),
  given.payg_consumption_in_period === null ? null : (numericOf(given.payg_consumption_in_period, 9)?.text ?? 'none'),
  hex(given.model_to_messages_total === null ? null : (mapOf(JSON.stringify(given.model_to_messages_total)) ?? 'none')),
];

const LANDED = `SELECT hex(encode(name)), hex(encode(department)), messages_total, payg_consumption_in_period,
  hex(encode(model_to_messages_total)) FROM t ORDER BY _period_date, user_id[2:]::INTEGER`;
const FINGERPRINTS = `SELECT period_date, row_count, fingerprint, totals FROM _exportd_loads
  WHERE outcome = 'loaded' ORDER BY 1`;

test('the same rows land from both formats, exactly, under one fingerprint', async () => {
  const days = fc.array(fc.array(row, { minLength: 1, maxLength: 12 }), { minLength: DAYS, maxLength: DAYS });
  await fc.assert(
    fc.asyncProperty(days, async (given) => {
      const rows = ({ from }: { from: { date: string } }) =>
        given[Array.from({ length: DAYS }, (_, n) => day(n)).indexOf(from.date.slice(0, 10))]?.map(asSent);
      const load = async (format: string): Promise<World> => {
        const w = await world({ rows }, { source: `history: null, format: ${format}` });
        const run = await w.run('run', 'j', ...firstDays(DAYS));
        expect([...run.errors.values()]).toEqual([]);
        return w;
      };
      await using csv = await load('csv');
      await using json = await load('json');
      expect(await csv.query(LANDED)).toEqual(given.flatMap((its) => its.map(asLanded)));
      expect(await json.query(LANDED)).toEqual(await csv.query(LANDED));
      expect(await json.query(FINGERPRINTS)).toEqual(await csv.query(FINGERPRINTS));
    }),
    { numRuns: 2 },
  );
});
