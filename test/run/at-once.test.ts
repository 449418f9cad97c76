/** New periods of a DuckDB table are parsed inside the transaction that commits them; all others go by a staged file. */
import { expect, test } from 'vitest';
import type { Staging } from '../../src/staging/staged.ts';
import type { Row } from '../engines/usage-api/rows.ts';
import type { UsageApiOptions } from '../engines/usage-api.ts';
import { type Lab, labJob, openLab } from './lab.ts';

const WHOLE = `SELECT count(*) || ' rows, ' || count(DISTINCT _load_id) || ' loads' FROM users_daily`;
const DAYS = ['2026-02-26', '2026-02-27', '2026-02-28'] as const;

/** How many bodies came by a file, batch by batch. */
async function countedLab(options: UsageApiOptions): Promise<Lab & { readonly byFile: readonly number[] }> {
  const byFile: number[] = [];
  const wrapStaging = (inner: Staging): Staging => ({
    ...inner,
    stage(spec, table, bodies, signal) {
      byFile.push(bodies.length);
      return inner.stage(spec, table, bodies, signal);
    },
  });
  return Object.assign(await openLab({ ...options, wrapStaging }), { byFile });
}

const user = (id: string, messages: number | string): Row => ({ user_id: id, messages_total: messages });

test('periods that are new to a table land without a file', async () => {
  await using lab = await countedLab({ rows: () => [user('u1', 1), user('u2', 2)] });
  expect((await lab.run([labJob(3)])).outcomes).toMatchObject({ loaded: 3 });
  expect(lab.byFile).toEqual([]);
  expect(await lab.query(WHOLE)).toEqual(['6 rows, 3 loads']);
});

test('what landed without a file is unchanged where the next export has the same rows in other bytes', async () => {
  let users = [user('u1', 1), user('u2', 2)];
  await using lab = await countedLab({ rows: () => users });
  await lab.run([labJob(3)]);
  users = [user('u2', 2), user('u1', 1)];
  expect((await lab.run([labJob(3)])).outcomes).toMatchObject({ unchanged: 3 });
  expect(lab.byFile).toEqual([3]);
  users = [user('u2', 3), user('u1', 1)];
  expect((await lab.run([labJob(3)])).outcomes).toMatchObject({ loaded: 3 });
  expect(await lab.query(WHOLE)).toEqual(['6 rows, 3 loads']);
});

test('a body that does not fit fails alone, and the others of its batch land by a file', async () => {
  await using lab = await countedLab({
    rows: ({ from }) => [user('u1', from.date.startsWith(DAYS[1]) ? 'many' : 1)],
  });
  const run = await lab.run([labJob(3)]);
  expect(run.outcomes).toMatchObject({ loaded: 2, failed: 1 });
  expect(run.periods.find(({ outcome }) => outcome === 'failed')?.error?.code).toBe('VALUE_MISFIT');
  expect(lab.byFile).toEqual([3]);
  expect(await lab.query(WHOLE)).toEqual(['2 rows, 2 loads']);
});

test('a body that is shorter than it says is fetched again, and nothing of it stays', async () => {
  await using lab = await countedLab({ rows: () => [user('u1', 1), user('u2', 2)] });
  lab.api.fault({ kind: 'wrong-count', by: 1, match: DAYS[0], times: 1 });
  expect((await lab.run([labJob(3)])).outcomes).toMatchObject({ loaded: 3 });
  expect(await lab.query(WHOLE)).toEqual(['6 rows, 3 loads']);
  expect(await lab.query('SELECT count(*) FROM _exportd_pending')).toEqual(['0']);
});

test('columns that a table lacks are made before the rows that bring them land', async () => {
  await using lab = await countedLab({
    rows: ({ from }) => [{ ...user('u1', 1), [from.date.startsWith(DAYS[2]) ? 'newer' : 'new']: 'x' }],
  });
  expect((await lab.run([labJob(3)])).outcomes).toMatchObject({ loaded: 3 });
  expect(lab.byFile).toEqual([]);
  expect(await lab.query('SELECT count(new) || count(newer) FROM users_daily')).toEqual(['21']);
});

test('a period that the judge holds back goes by a file, and does not land', async () => {
  await using lab = await countedLab({ rows: () => [user('u1', 1)] });
  const run = await lab.run([labJob(3, { expect: { minRows: 2, maxShrink: 0.9 } })]);
  expect(run.outcomes).toMatchObject({ held: 3, loaded: 0 });
  expect(await lab.query(WHOLE)).toEqual(['0 rows, 0 loads']);
});
