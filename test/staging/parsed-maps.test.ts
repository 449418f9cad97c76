import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';

/** BigQuery parses maps, with numbers of 64 bits. */
let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

const given = (map: string) => ({ csv: `user_id,m\nu1,"${map.replaceAll('"', '""')}"\n` });

test.each([
  '{"a":9223372036854775807,"b":-9223372036854775808,"c":18446744073709551615}',
  '{"a":0.1,"b":1.50,"c":123456789.125,"d":-0.000000000000000001,"e":1e22,"f":0}',
  '{"a":"123456789012345678901234567890","1234567890123456789012":1,"b":{"c":[1,2.5]}}',
])('%s lands in BigQuery to the digit', async (map) => {
  await using staged = await lab.stage([given(map)], { types: { m: 'map' }, warehouse: 'bigquery' });
  expect(staged.loads[0]?.problem).toBeUndefined();
  expect(await lab.rows(staged, staged.loads[0], ['m'])).toEqual([[map]]);
});

test.each([
  '{"a":18446744073709551617}',
  '{"a":123456789.123456789}',
  '{"a":{"b":[0.1234567890123456789]}}',
  '{"a":1e400}',
  '{"a":1e-400}',
  '{"a":-9223372036854775809}',
])('%s would not: its period fails alone, by name, and lands elsewhere', async (map) => {
  const wish = { types: { m: 'map' } } as const;
  await using staged = await lab.stage([given('{"a":1}'), given(map)], { ...wish, warehouse: 'bigquery' });
  const [fine, wide] = staged.loads;
  expect(fine?.problem).toBeUndefined();
  expect(wide?.problem?.code).toBe('VALUE_MISFIT');
  expect(wide?.problem?.message).toMatch(/^column "m", row 1: .* no number wider than 64 bits$/);
  await using elsewhere = await lab.stage([given(map)], wish);
  expect(elsewhere.loads[0]?.problem).toBeUndefined();
});

test('a doubled key is in no map', async () => {
  const wish = { types: { m: 'map' }, warehouse: 'bigquery' } as const;
  await using staged = await lab.stage([given('{"a":1,"a":2}')], wish);
  expect(staged.loads[0]?.problem?.code).toBe('VALUE_MISFIT');
});

test('a column name that BigQuery keeps for itself fails its period alone, with the remedy (case d01)', async () => {
  const wish = { warehouse: 'bigquery' } as const;
  await using staged = await lab.stage(
    [{ csv: 'user_id,team\nu1,a\n' }, { csv: 'user_id,_PARTITION_key\nu1,a\n' }],
    wish,
  );
  const [fine, refused] = staged.loads;
  expect(fine?.problem).toBeUndefined();
  expect(refused?.problem).toMatchObject({ code: 'COLUMN_REFUSED', scope: 'period' });
  expect(refused?.problem?.hint).toContain('columns: { rename: { "_PARTITION_key": … } }');
});
