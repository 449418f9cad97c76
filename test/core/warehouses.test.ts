import { describe, expect, test } from 'vitest';
import { landColumns, METADATA_COLUMNS } from '../../src/core/columns.ts';
import { ExportdError } from '../../src/core/errors.ts';
import { refuseNames } from '../../src/core/warehouses.ts';
import type { WarehouseKind } from '../../src/core/words.ts';

const NONE = { drop: [], hash: [], rename: new Map<string, string>(), types: new Map() };

function land(warehouse: WarehouseKind, column: string, rename: Readonly<Record<string, string>> = {}): void {
  const rules = { ...NONE, rename: new Map(Object.entries(rename)) };
  const { columns } = landColumns({ dataType: 'users', groupBy: undefined }, rules, 'evolve', ['user_id', column]);
  refuseNames(warehouse, columns);
}

describe('names that BigQuery keeps for itself (case d01)', () => {
  test.each([
    '_partition_key',
    '_TABLE_SUFFIX',
    '_file_name',
    '_ROW_TIMESTAMP',
    '__root__x',
    '_ColIdentifier_1',
    'x'.repeat(301),
  ])('%s is refused before anything is sent, and taken under another name or elsewhere', (name) => {
    expect(() => land('bigquery', name)).toThrow(ExportdError);
    expect(() => land('bigquery', name, { [name]: 'other' })).not.toThrow();
    expect(() => land('duckdb', name)).not.toThrow();
  });

  test('a clash is refused by the name under which the column would land', () => {
    expect(() => land('bigquery', 'team', { team: '_TABLE_x' })).toThrow('as _table_x, and BigQuery keeps names');
  });

  test.each(['6si id', 'a.b', 'größe', 'x'.repeat(300)])(
    '%s lands under a name that is the same in every run',
    (name) => {
      expect(() => land('bigquery', name)).not.toThrow();
    },
  );

  test('none of ours is among them', () => {
    const ours = METADATA_COLUMNS.map(({ name }) => ({ from: name, name }));
    const { columns } = landColumns({ dataType: 'users', groupBy: undefined }, NONE, 'evolve');
    const [column] = columns;
    if (column === undefined) throw new Error('users have no columns');
    expect(() =>
      refuseNames(
        'bigquery',
        ours.map((each) => ({ ...column, ...each })),
      ),
    ).not.toThrow();
  });
});
