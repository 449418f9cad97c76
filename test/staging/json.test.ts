import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { landingName } from '../../src/core/columns.ts';
import { type Given, type Lab, openLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

async function land(json: NonNullable<Given['json']>, columns: readonly string[]) {
  await using staged = await lab.stage([{ json, declared: json.length }]);
  const [load] = staged.loads;
  return {
    load,
    rows: (await lab.rows(staged, load, columns)).sort(),
    names: staged.columns.map((column) => column.name),
  };
}

describe('a JSON body', () => {
  test('may have other keys in every row; new ones become columns', async () => {
    const { load, rows, names } = await land(
      [
        [
          ['user_id', 'u1'],
          ['messages_total', '1'],
        ],
        [
          ['name', 'Ada'],
          ['user_id', 'u2'],
        ],
        [
          ['seat tier', 'gold'],
          ['user_id', 'u3'],
        ],
      ],
      ['user_id', 'messages_total', 'name', 'seat_tier'],
    );
    expect(load?.problem).toBeUndefined();
    expect(rows).toEqual([
      ['u1', '1', null, null],
      ['u2', null, 'Ada', null],
      ['u3', null, null, 'gold'],
    ]);
    expect(names.at(-1)).toBe('seat_tier');
  });

  test('may spell a key in another case in every row', async () => {
    const { load, rows } = await land(
      [
        [
          ['user_id', 'u1'],
          ['NAME', 'Ada'],
        ],
        [
          ['User_ID', 'u2'],
          ['name', null],
        ],
      ],
      ['user_id', 'name'],
    );
    expect(load?.problem).toBeUndefined();
    expect(rows).toEqual([
      ['u1', 'Ada'],
      ['u2', null],
    ]);
  });

  test('is refused where one row has a column in two spellings (case b10)', async () => {
    const row = [
      ['user_id', 'u1'],
      ['name', 'a'],
      ['NAME', 'b'],
    ] as const;
    const { load } = await land([[['user_id', 'u0']], row], []);
    expect(load?.problem).toMatchObject({ code: 'COLUMN_REFUSED' });
    expect(load?.problem?.message).toMatch(/^row 2 has the column "name" twice/i);
  });

  test('lands keys with any character, and values to the letter (cases b17, b22)', async () => {
    const strange = 'it\'s "6" / ~ $.*\\';
    const { rows } = await land(
      [
        [
          ['user_id', 'a\0b'],
          ['__proto__', 'p'],
          ['constructor', 'c'],
          [strange, 'x\ny'],
        ],
      ],
      ['user_id', '__proto__', 'constructor', landingName(strange)],
    );
    expect(rows).toEqual([['a\0b', 'p', 'c', 'x\ny']]);
  });
});

test('null and the empty string stay apart in strings, and are one in all other types (case b06)', async () => {
  const { rows } = await land(
    [
      [
        ['user_id', 'u1'],
        ['name', ''],
        ['department', null],
        ['messages_total', ''],
      ],
      [
        ['user_id', 'u2'],
        ['name', null],
        ['department', ''],
        ['messages_total', null],
      ],
    ],
    ['user_id', 'name', 'department', 'messages_total'],
  );
  expect(rows).toEqual([
    ['u1', '', null, null],
    ['u2', null, '', null],
  ]);
});

test.each([
  ['one line each', 'Ada Byron, Countess of Lovelace and of long lines'],
  ['line ends of every kind in them', 'Ada\r\nByron\r"Countess"\n of Lovelace and of long lines'],
])('a key that only the last of very many rows has is a column of all of them: rows of %s', async (_, part) => {
  const count = 18_000;
  const name = part.repeat(12);
  const json = Array.from({ length: count }, (_, index): [string, string][] => [
    ['name', name],
    ['user_id', `u${index}`],
  ]);
  json.push([
    ['user_id', 'last'],
    ['seat_tier', 'gold'],
  ]);
  await using staged = await lab.stage([{ json, declared: count + 1 }]);
  const [load] = staged.loads;
  expect(load).toMatchObject({ rows: count + 1, problem: undefined });
  expect(load?.bytes).toBeGreaterThan(9_000_000);
  const rows = await lab.rows(staged, load, ['name', 'seat_tier']);
  expect(rows.filter((row) => row[0] === name && row[1] === null)).toHaveLength(count);
  expect(rows.filter((row) => row[0] === null && row[1] === 'gold')).toHaveLength(1);
});

test('a cell of three million letters lands whole (case b18)', async () => {
  const { load, rows } = await land([[['user_id', 'x'.repeat(3_000_000)]]], ['user_id']);
  expect(load?.problem).toBeUndefined();
  expect(rows[0]?.[0]).toHaveLength(3_000_000);
});

test('a misfit is named by its row', async () => {
  const { load } = await land([[['messages_total', '1']], [['messages_total', '1.5']]], []);
  expect(load?.problem?.message).toBe(
    'column "messages_total", row 2: text of 3 characters like "9.9" is not exactly an integer (64 bits)',
  );
});

test('an answer without rows is a body of no rows', async () => {
  expect((await land([], [])).load).toMatchObject({ rows: 0, problem: undefined });
});
