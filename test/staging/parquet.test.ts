import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { quoteText } from '../../src/duckdb/engine.ts';
import { type Lab, openLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Columns of every type of the contract, over three reports. */
const TYPES = {
  users: {
    user_id: 'VARCHAR',
    name: 'VARCHAR',
    joined_at: 'DATE',
    messages_total: 'BIGINT',
    payg_consumption_in_period: 'DECIMAL(38,9)',
    model_to_messages_total: 'VARCHAR',
  },
  agents: { assistant_id: 'VARCHAR', messages: 'BIGINT', messages_per_user: 'DOUBLE' },
  models: { name: 'VARCHAR', bring_your_keys: 'BOOLEAN', total_cost_usd: 'DECIMAL(38,9)' },
} as const;
type DataType = keyof typeof TYPES;

type Cell = string | null;
/** A query for rows of a report's columns, each value given as its text. */
function rowsOf(dataType: DataType, rows: readonly (readonly Cell[])[], types: Readonly<Record<string, string>> = {}) {
  const columns = Object.entries<string>({ ...TYPES[dataType], ...types });
  const values = rows.map((row) => `(${row.map((cell) => (cell === null ? 'NULL' : quoteText(cell))).join(', ')})`);
  const names = columns.map((_, index) => `c${index}`).join(', ');
  const casts = columns.map(([name, type], index) => `CAST(c${index} AS ${type}) AS "${name}"`).join(', ');
  return `SELECT ${casts} FROM (VALUES ${values.join(', ')}) AS given(${names})`;
}

function csvOf(dataType: DataType, rows: readonly (readonly Cell[])[]): string {
  const field = (cell: Cell) => (cell === null ? '' : `"${cell.replaceAll('"', '""')}"`);
  return [Object.keys(TYPES[dataType]).join(','), ...rows.map((row) => row.map(field).join(','))].join('\n');
}

const report = (dataType: DataType) => ({ report: { dataType, groupBy: undefined } });
const text = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\\', ' ', 'a', '🐙', "'", 'é') });
const orNull = (cells: fc.Arbitrary<string>): fc.Arbitrary<Cell> => fc.option(cells);
const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const numeric = fc
  .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat({ max: 999_999_999 }))
  .map(([whole, fraction]) => `${whole}.${String(fraction).padStart(9, '0')}`);
const CELLS: Readonly<Record<DataType, fc.Arbitrary<Cell[]>>> = {
  users: fc.tuple(
    text,
    orNull(text),
    orNull(fc.constantFrom('2026-03-29', '1999-12-31')),
    orNull(integer),
    orNull(numeric),
    orNull(fc.dictionary(fc.string(), fc.integer()).map((map) => JSON.stringify(map))),
  ),
  agents: fc.tuple(text, orNull(integer), orNull(fc.double({ noNaN: true, noDefaultInfinity: true }).map(String))),
  models: fc.tuple(text, orNull(fc.constantFrom('true', 'false')), orNull(numeric)),
};

describe('rows of a Parquet body', () => {
  test.each(['users', 'agents', 'models'] as const)('of %s are the rows of a CSV with the same values', (dataType) =>
    fc.assert(
      fc.asyncProperty(fc.array(CELLS[dataType], { minLength: 1, maxLength: 12 }), async (rows) => {
        const given = [{ parquet: rowsOf(dataType, rows) }, { csv: csvOf(dataType, rows) }];
        await using staged = await lab.stage(given, report(dataType));
        const [typed, written] = staged.loads;
        expect([typed?.problem, written?.problem]).toEqual([undefined, undefined]);
        expect([typed?.rows, typed?.totals, typed?.fingerprint]).toEqual([
          rows.length,
          written?.totals,
          written?.fingerprint,
        ]);
      }),
      { numRuns: 15 },
    ),
  );

  test('go by the rules of the job as those of a CSV do', async () => {
    const rows = [
      ['u1', 'Ada', '2026-03-29', '7', '1.500000000', '{"m":7}'],
      ['u2', null, null, null, null, null],
    ];
    const hashKey = { id: '0', key: new Secret('k') };
    await using staged = await lab.stage([{ parquet: rowsOf('users', rows) }, { csv: csvOf('users', rows) }], {
      drop: ['name'],
      hash: ['user_id', 'messages_total'],
      rename: { joined_at: 'since' },
      types: { payg_consumption_in_period: 'numeric(38,18)' },
      hashKey,
    });
    expect(staged.columns.map(({ name }) => name)).not.toContain('name');
    const [typed, written] = staged.loads;
    expect(typed?.fingerprint).toBe(written?.fingerprint);
    const hmac = (value: string) => createHmac('sha256', hashKey.key.reveal()).update(value).digest('hex');
    const landed = await lab.rows(staged, typed, ['user_id', 'messages_total', 'since', 'payg_consumption_in_period']);
    expect(landed.sort()).toEqual(
      [
        [hmac('u1'), hmac('7'), '2026-03-29', '1.500000000000000000'],
        [hmac('u2'), null, null, null],
      ].sort(),
    );
  });

  test('are cast to the types that the table has, exactly or not at all', async () => {
    const table = [
      { name: 'messages_total', type: 'numeric', native: 'DECIMAL(38,9)' },
      { name: 'payg_consumption_in_period', type: 'integer', native: 'BIGINT' },
    ] as const;
    const row = (cost: string) => rowsOf('users', [['u1', null, null, '7', cost, null]]);
    await using staged = await lab.stage([{ parquet: row('5') }, { parquet: row('5.5') }], { table });
    const [exact, broken] = staged.loads;
    expect(await lab.rows(staged, exact, ['messages_total', 'payg_consumption_in_period'])).toEqual([
      ['7.000000000', '5'],
    ]);
    expect(broken?.problem).toMatchObject({ code: 'VALUE_MISFIT' });
  });

  test('lack a column that the workspace switched off, and bring it again, in one batch', async () => {
    await using staged = await lab.stage([
      { parquet: `SELECT 'u1' AS user_id, 'Ada' AS name, 1::BIGINT AS messages_total` },
      { parquet: `SELECT 2::BIGINT AS messages_total` },
      { csv: 'user_id,messages_total\nu3,3' },
    ]);
    const landed = await Promise.all(
      staged.loads.map((load) => lab.rows(staged, load, ['user_id', 'name', 'messages_total'])),
    );
    expect(landed).toEqual([[['u1', 'Ada', '1']], [[null, null, '2']], [['u3', null, '3']]]);
  });

  test('have new columns, which go by the policy of the job (case b19)', async () => {
    const given = [{ parquet: `SELECT 'u1' AS user_id, 'gold' AS seat_tier` }];
    await using evolved = await lab.stage(given, { schema: 'evolve' });
    expect(await lab.rows(evolved, evolved.loads[0], ['seat_tier'])).toEqual([['gold']]);
    await using frozen = await lab.stage(given, { schema: 'freeze' });
    expect(frozen.loads[0]?.problem).toMatchObject({ code: 'COLUMN_NEW' });
    await using discarded = await lab.stage(given, { schema: 'discard' });
    expect(discarded.loads[0]?.discarded).toEqual(['seat_tier']);
  });

  test('of two workspaces are refused, also where org_id is dropped', async () => {
    const given = [{ parquet: `SELECT * FROM (VALUES ('u1', 'w1'), ('u2', 'w2')) AS given(user_id, org_id)` }];
    await using staged = await lab.stage(given, { drop: ['org_id'] });
    expect(staged.loads[0]?.problem).toMatchObject({ code: 'ORG_MIXED' });
  });
});

describe('a Parquet body that does not fit fails alone', () => {
  const WHOLE = { parquet: `SELECT 'u0' AS user_id, 1::BIGINT AS messages_total`, declared: 1 };

  test.each([
    ['an unsigned count', 'messages_total', 'UBIGINT', 'BIGINT'],
    ['a narrow count', 'messages_total', 'INTEGER', 'BIGINT'],
    ['an amount of another scale', 'payg_consumption_in_period', 'DECIMAL(38,18)', 'DECIMAL(38,9)'],
    ['an amount as a double', 'payg_consumption_in_period', 'DOUBLE', 'DECIMAL(38,9)'],
    ['a date with a time', 'joined_at', 'TIMESTAMP', 'DATE'],
    ['a text as bytes', 'user_id', 'BLOB', 'VARCHAR'],
    ['a map as a map', 'model_to_messages_total', 'MAP(VARCHAR, BIGINT)', 'VARCHAR'],
  ])('with %s: named by its column and both types', async (_, column, type, wanted) => {
    await using staged = await lab.stage([
      { parquet: rowsOf('users', [Array(6).fill(null)], { [column]: type }) },
      WHOLE,
    ]);
    const [misfit, whole] = staged.loads;
    expect(misfit?.problem).toMatchObject({ code: 'VALUE_MISFIT', scope: 'period', retryable: false });
    expect(misfit?.problem?.message).toBe(`column "${column}" of the users report came as ${type}, not as ${wanted}`);
    expect([whole?.problem, whole?.rows]).toEqual([undefined, 1]);
  });

  test.each([
    [
      'agents',
      [
        ['a1', '1', '0.5'],
        ['a2', '1', 'nan'],
      ],
      /^column "messages_per_user", row 2: .* is not exactly a finite number$/,
    ],
    ['agents', [['a1', '1', '-inf']], /^column "messages_per_user", row 1: /],
    [
      'users',
      [['u1', null, null, '1', null, '[1]']],
      /^column "model_to_messages_total", row 1: .* is not exactly a JSON object/,
    ],
    ['users', [['u1', null, null, '1', null, '{"a":1,"a":2}']], /^column "model_to_messages_total", row 1: /],
  ] as const)(
    'of %s with a value that no column can hold: named by column and row',
    async (dataType, rows, message) => {
      const good = rowsOf(dataType, [Object.keys(TYPES[dataType]).map(() => null)]);
      await using staged = await lab.stage([{ parquet: rowsOf(dataType, rows) }, { parquet: good }], report(dataType));
      expect(staged.loads[0]?.problem).toMatchObject({ code: 'VALUE_MISFIT', message: expect.stringMatching(message) });
      expect([staged.loads[1]?.problem, staged.loads[1]?.rows]).toEqual([undefined, 1]);
    },
  );

  test.each([0, 1, 3])('where the server counted %i rows of two', async (declared) => {
    await using staged = await lab.stage([
      { parquet: 'SELECT range::VARCHAR AS user_id FROM range(2)', declared },
      WHOLE,
    ]);
    const message = `the export holds 2 rows, the server counted ${declared}`;
    expect(staged.loads[0]?.problem).toMatchObject({ code: 'BODY_SHORT', retryable: true, message });
    expect(staged.loads[1]?.problem).toBeUndefined();
  });

  test('where its end is whole and its middle is not (case d15)', async () => {
    const torn = Buffer.from(`PAR1${'rows '.repeat(50)}\n__exception__\r\nCode: 241. DB::Exception\r\nPAR1`);
    await using staged = await lab.stage([{ parquet: torn, declared: 9 }, WHOLE]);
    expect(staged.loads[0]?.problem).toMatchObject({ code: 'BODY_MALFORMED', scope: 'period', retryable: true });
    expect(staged.loads[0]?.problem?.message).not.toContain('241');
    expect(staged.loads[1]?.problem).toBeUndefined();
  });

  test('where a page of it was damaged on its way', async () => {
    const bytes = await lab.parquet('SELECT range::VARCHAR AS user_id FROM range(20000)');
    bytes.fill(0xff, 4, 4_000);
    await using staged = await lab.stage([{ parquet: bytes, declared: 20_000 }, WHOLE]);
    expect(staged.loads[0]?.problem).toMatchObject({ code: 'BODY_MALFORMED', retryable: true });
    expect(staged.loads[1]?.problem).toBeUndefined();
  });
});
