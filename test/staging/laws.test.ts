import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

type Cell = string | null;

const COLUMNS = [
  'user_id',
  'name',
  'messages_total',
  'payg_limit_current',
  'joined_at',
  'model_to_messages_total',
  'seats',
];
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', '\\', ' ', 'a', '\t', '\0', "'", '\uFEFF') }),
);
const orNothing = (texts: fc.Arbitrary<string>): fc.Arbitrary<Cell> =>
  fc.oneof(texts, fc.constant(''), fc.constant(null));
const row: fc.Arbitrary<Cell[]> = fc.tuple(
  text,
  orNothing(text),
  orNothing(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)),
  orNothing(fc.double({ noNaN: true, min: -1e28, max: 1e28 }).map(String)),
  orNothing(fc.constantFrom('2026-03-29', '2026-10-25T01:30:00+02:00')),
  orNothing(fc.dictionary(fc.string(), fc.integer()).map((map) => JSON.stringify(map, null, 1))),
  orNothing(text),
);
const rows = fc.array(row, { maxLength: 20 });

/** Ways of writing one table down that mean the same. */
const style = fc.record({
  crlf: fc.boolean(),
  mark: fc.boolean(),
  lastEnd: fc.boolean(),
  quoteAll: fc.boolean(),
  upper: fc.boolean(),
  order: fc.shuffledSubarray([...COLUMNS.keys()], { minLength: COLUMNS.length }),
});
type Style = typeof style extends fc.Arbitrary<infer S> ? S : never;

function csvOf(table: readonly (readonly Cell[])[], style: Style): string {
  const field = (cell: Cell): string =>
    cell === null
      ? ''
      : style.quoteAll || cell === '' || /[",\r\n\uFEFF]|^\s|\s$/.test(cell)
        ? `"${cell.replaceAll('"', '""')}"`
        : cell;
  const lines = [COLUMNS.map((name) => (style.upper ? name.toUpperCase() : name)), ...table].map((cells) =>
    style.order.map((index) => field(cells[index] ?? null)).join(','),
  );
  const end = style.crlf ? '\r\n' : '\n';
  return `${style.mark ? '\uFEFF' : ''}${lines.join(end)}${style.lastEnd ? end : ''}`;
}

function jsonOf(table: readonly (readonly Cell[])[], style: Style): [string, Cell][][] {
  return table.map((cells) =>
    style.order.flatMap((index): [string, Cell][] => {
      const cell = cells[index] ?? null;
      const name = COLUMNS[index] ?? '';
      // A key without a value may be there or not.
      return cell === null && style.quoteAll ? [] : [[style.upper ? name.toUpperCase() : name, cell]];
    }),
  );
}

test('the same rows are the same, however they are written: CSV or JSON, any order of rows and columns', () =>
  fc.assert(
    fc.asyncProperty(rows, style, style, fc.infiniteStream(fc.nat()), async (table, one, other, picks) => {
      const shuffled = [...table].map((cells) => ({ cells, at: picks.next().value ?? 0 })).sort((a, b) => a.at - b.at);
      const again = shuffled.map(({ cells }) => cells);
      await using staged = await lab.stage(
        [
          { csv: csvOf(table, one) },
          { json: jsonOf(table, one) },
          { csv: csvOf(again, other) },
          { json: jsonOf(again, other) },
        ],
        { types: { seats: 'string' } },
      );
      expect(staged.loads.map((load) => load.problem)).toEqual(staged.loads.map(() => undefined));
      const [first] = staged.loads;
      expect(first?.rows).toBe(table.length);
      for (const load of staged.loads) {
        expect([load.rows, load.fingerprint, load.totals, load.rounded]).toEqual([
          first?.rows,
          first?.fingerprint,
          first?.totals,
          first?.rounded,
        ]);
      }
      const strings = await lab.rows(staged, first, ['user_id', 'name']);
      expect(strings.map(String).sort()).toEqual(table.map(([id = null, name = null]) => String([id, name])).sort());
    }),
    { numRuns: 25 },
  ));

test('a row more, a row twice or a value changed is another fingerprint', () =>
  fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), style, fc.nat(), async (table, style, at) => {
      const index = at % table.length;
      const chosen = table[index] ?? [];
      const changed = table.with(index, [`${chosen[0]}'`, ...chosen.slice(1)]);
      await using staged = await lab.stage([
        { csv: csvOf(table, style) },
        { csv: csvOf([...table, chosen], style) },
        { csv: csvOf([...table, chosen, chosen], style) },
        { csv: csvOf(changed, style) },
        { csv: csvOf([], style) },
      ]);
      expect(new Set(staged.loads.map((load) => load.fingerprint)).size).toBe(5);
    }),
    { numRuns: 10 },
  ));

test('a column in which nothing stands makes no difference to a fingerprint', async () => {
  await using staged = await lab.stage([
    { csv: 'user_id,name\nu1,Ada\n' },
    { csv: 'user_id,name,department,seat_tier\nu1,Ada,,\n' },
  ]);
  const [without, beside] = staged.loads;
  expect(beside?.fingerprint).toBe(without?.fingerprint);
});

test('values that trade places, within a row or between rows, are another fingerprint', async () => {
  await using staged = await lab.stage([
    { csv: 'user_id,name\na,b\nc,d\n' },
    { csv: 'user_id,name\nb,a\nc,d\n' },
    { csv: 'user_id,name\na,d\nc,b\n' },
  ]);
  expect(new Set(staged.loads.map((load) => load.fingerprint)).size).toBe(3);
});

test('fingerprints are named by the algorithm of this engine', async () => {
  await using staged = await lab.stage([{ csv: 'user_id\nu1\n' }]);
  expect(staged.loads[0]?.fingerprint).toMatch(/^duckdb1\.5:1-[0-9a-f]+$/);
});
