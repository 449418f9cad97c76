import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { landColumns, landInTable, landingName, policyText } from '../../src/core/columns.ts';
import { contractColumns } from '../../src/core/contract.ts';
import { ExportdError } from '../../src/core/errors.ts';
import type { ColumnRules, ColumnType, Report } from '../../src/core/words.ts';

const users: Report = { dataType: 'users', groupBy: undefined };

function rules(given: {
  drop?: string[];
  hash?: string[];
  rename?: Record<string, string>;
  types?: Record<string, ColumnType>;
}): ColumnRules {
  return {
    drop: given.drop ?? [],
    hash: given.hash ?? [],
    rename: new Map(Object.entries(given.rename ?? {})),
    types: new Map(Object.entries(given.types ?? {})),
  };
}
const none = rules({});

function refusal(act: () => unknown): ExportdError {
  try {
    act();
  } catch (error) {
    if (error instanceof ExportdError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('landing names', () => {
  test.each([
    ['user_id', 'user_id'],
    ['User_ID', 'user_id'],
    ['seat tier', 'seat_tier'],
    ['a.b', 'a_b'],
    ['6si id', '_6si_id'],
    ['größe', 'gr__e'],
    ['💰', '_'],
    ['order', 'order'],
    ['__proto__', '__proto__'],
  ])('%s lands as %s', (name, landed) => {
    expect(landingName(name)).toBe(landed);
  });

  test('a landing name is its own landing name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
        const landed = landingName(name);
        expect(landed).toMatch(/^[a-z_][a-z0-9_]*$/);
        expect(landingName(landed)).toBe(landed);
      }),
    );
  });
});

describe('what lands', () => {
  test('every column of the contract lands, also those the export lacks', () => {
    const { columns } = landColumns(users, none, 'evolve', ['user_id']);
    expect(columns.map((column) => column.name)).toEqual(contractColumns(users).map((column) => column.name));
  });

  test('a header in another case and order is no new column', () => {
    const { columns } = landColumns(users, none, 'freeze', ['ROLE', 'User_Id']);
    expect(columns).toHaveLength(contractColumns(users).length);
  });

  test('evolve adds a new column as a string, or as the type that the job gives it', () => {
    const typed = rules({ types: { seats: 'integer' } });
    const { columns } = landColumns(users, typed, 'evolve', ['user_id', 'Seat Tier', 'Seats']);
    expect(columns.slice(-2)).toMatchObject([
      { from: 'Seat Tier', name: 'seat_tier', type: 'string' },
      { from: 'Seats', name: 'seats', type: 'integer' },
    ]);
  });

  test('freeze refuses a new column by its name, unless it is dropped', () => {
    const refused = refusal(() => landColumns(users, none, 'freeze', ['user_id', 'seat_tier']));
    expect(refused).toMatchObject({ code: 'COLUMN_NEW', scope: 'period', retryable: false });
    expect(refused.message).toContain('"seat_tier"');
    expect(() => landColumns(users, rules({ drop: ['SEAT_TIER'] }), 'freeze', ['seat_tier'])).not.toThrow();
  });

  test('discard leaves a new column out and says which', () => {
    const { columns, discarded } = landColumns(users, none, 'discard', ['user_id', 'seat_tier']);
    expect(discarded).toEqual(['seat_tier']);
    expect(columns).toHaveLength(contractColumns(users).length);
  });

  test('a column both dropped and hashed is dropped', () => {
    const { columns } = landColumns(users, rules({ drop: ['email'], hash: ['Email'] }), 'evolve');
    expect(columns.some((column) => column.from === 'email')).toBe(false);
  });

  test('a hashed column lands as a string, is never summed and never shown', () => {
    const { columns } = landColumns(users, rules({ hash: ['messages_total'] }), 'evolve');
    expect(columns.find((column) => column.name === 'messages_total')).toMatchObject({
      reads: 'integer',
      type: 'string',
      summed: false,
      personal: true,
    });
  });

  test('totals are of integer and numeric usage columns only', () => {
    const { columns } = landColumns({ dataType: 'agents', groupBy: undefined }, none, 'evolve');
    expect(columns.filter((column) => column.summed).map((column) => column.name)).toEqual([
      'messages',
      'unique_users',
      'active_users',
      'conversations',
      'sum_prompt_tokens',
      'sum_completion_tokens',
    ]);
  });

  test('columns are renamed by the name that the export has, whatever its case', () => {
    const { columns } = landColumns(users, rules({ rename: { USER_ID: 'Person Key' } }), 'evolve', ['User_Id']);
    expect(columns.find((column) => column.from === 'user_id')?.name).toBe('person_key');
  });
});

describe('what is refused', () => {
  test.each([
    ['a column twice', ['user_id', 'name', 'name'], '"name"'],
    ['a column twice in two spellings', ['user_id', 'Name', 'NAME'], '"NAME"'],
    ['a column without a name', ['user_id', ''], 'without a name'],
    ['two columns that become equal', ['seat tier', 'seat_tier'], '"seat_tier"'],
    ['a new column that becomes equal to one of the contract that is not there', ['User-Id'], '"User-Id"'],
    ['the name of a metadata column', ['_Load Id'], '"_Load Id"'],
    ["a name in exportd's own space", ['_exportd_x'], '"_exportd_x"'],
  ])('%s (case b10)', (_, header, named) => {
    const refused = refusal(() => landColumns(users, none, 'evolve', header));
    expect(refused).toMatchObject({ code: 'COLUMN_REFUSED', scope: 'period', retryable: false });
    expect(refused.message).toContain(named);
  });

  test('rename cures a taken name, and the hint says so', () => {
    expect(refusal(() => landColumns(users, none, 'evolve', ['_source'])).hint).toContain('rename: { "_source"');
    expect(() => landColumns(users, rules({ rename: { _source: 'origin' } }), 'evolve', ['_source'])).not.toThrow();
  });
});

describe('a column that the table has', () => {
  test('keeps its type, whatever the contract says', () => {
    const { columns } = landColumns(users, none, 'evolve');
    const landed = landInTable(columns, [{ name: 'messages_total', type: 'string', native: 'VARCHAR' }]);
    expect(landed.find((column) => column.name === 'messages_total')).toMatchObject({
      type: 'string',
      reads: 'integer',
      summed: false,
    });
  });

  test('refuses the load where exportd makes no such type, or where it cannot hold hashes', () => {
    const { columns } = landColumns(users, rules({ hash: ['user_id'] }), 'evolve');
    for (const there of [
      { name: 'name', type: undefined, native: 'TIME' },
      { name: 'user_id', type: 'integer', native: 'BIGINT' },
    ] as const) {
      const refused = refusal(() => landInTable(columns, [there]));
      expect(refused).toMatchObject({ code: 'TABLE_REFUSED', scope: 'table' });
      expect(refused.message).toContain(`${there.name} is ${there.native}`);
    }
  });
});

describe('the policy', () => {
  test('is the same whatever the order and case in which rules were written', () => {
    const one = rules({ drop: ['a', 'B'], hash: ['c', 'd'], rename: { x: 'y', z: 'w' } });
    const other = rules({ drop: ['b', 'A'], hash: ['D', 'c'], rename: { Z: 'W', X: 'y' } });
    expect(policyText(one, 'evolve', 'key')).toBe(policyText(other, 'evolve', 'key'));
  });

  test('changes with whatever changes the rows', () => {
    const texts = [
      policyText(none, 'evolve', undefined),
      policyText(none, 'freeze', undefined),
      policyText(rules({ drop: ['a'] }), 'evolve', undefined),
      policyText(rules({ hash: ['a'] }), 'evolve', '00000001'),
      policyText(rules({ hash: ['a'] }), 'evolve', '00000002'),
      policyText(rules({ rename: { a: 'b' } }), 'evolve', undefined),
      policyText(rules({ types: { a: 'integer' } }), 'evolve', undefined),
    ];
    expect(new Set(texts).size).toBe(texts.length);
  });

  test('ignores a hash key that nothing is hashed with', () => {
    expect(policyText(rules({ drop: ['a'], hash: ['a'] }), 'evolve', '00000001')).toBe(
      policyText(rules({ drop: ['a'] }), 'evolve', undefined),
    );
  });
});
