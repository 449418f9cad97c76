import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import type { Destination } from '../../src/destinations/destination.ts';
import { emulatorUrl, type Lab, openLab, SIGNAL } from './lab.ts';
import { bigQueryWarehouse } from './warehouse.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

async function findings(destination: Destination): Promise<Finding[]> {
  const found: Finding[] = [];
  for await (const each of destination.check(SIGNAL)) found.push(each);
  return found;
}

const failed = (found: readonly Finding[]) => found.filter(({ ok }) => !ok);

test('rights are checked by doing, and nothing is left behind', async () => {
  const found = await findings(lab.destination);
  expect(failed(found)).toEqual([]);
  expect(found.map(({ what }) => what)).toEqual([
    'reach the dataset',
    `make a table in ${lab.place.dataset}`,
    'write to it, and read',
    'drop it',
    'read the ledger',
    'compare clocks with BigQuery',
  ]);
  const tables = (await lab.ask('GET', `/datasets/${lab.place.dataset}/tables`))?.tables;
  expect(JSON.stringify(tables)).not.toContain('_exportd_doctor');
});

test.each([
  [
    'tables',
    'Access Denied: Dataset p:d: Permission bigquery.tables.create denied on dataset p:d (or it may not exist).',
    'bigquery.tables.create',
    'roles/bigquery.dataEditor',
  ],
  [
    'query',
    'Access Denied: Project test: User does not have bigquery.jobs.create permission in project test.',
    'bigquery.jobs.create',
    'roles/bigquery.jobUser',
  ],
  ['dataset', 'Access Denied', 'bigquery.datasets.get', 'roles/bigquery.dataEditor'],
] as const)(
  'a permission that is missing on %s is named, with the role that grants it',
  async (kind, message, permission, role) => {
    lab.proxy.fault = (seen) => (seen.kind === kind ? { status: 403, reason: 'accessDenied', message } : undefined);
    const [first] = failed(await findings(lab.open()));
    expect(first?.error).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(first?.error?.message).toContain(`${permission} is missing on`);
    expect(first?.error?.hint).toContain(`Grant ${role} on`);
  },
);

test('a clock that is minutes off is a failure, one that is seconds off is said', async () => {
  const off = async (ms: number) => (await findings(lab.openWith({ clock: () => Date.now() + ms }))).at(-1);
  expect(await off(600_000)).toMatchObject({
    ok: false,
    error: { message: expect.stringMatching(/600\.\d s ahead of BigQuery/) },
  });
  expect(await off(-10_000)).toMatchObject({ ok: true, detail: expect.stringMatching(/behind it$/) });
});

test('a dataset that is not there is no failure: the first run makes it, and doctor does not', async () => {
  await using empty = await bigQueryWarehouse(emulatorUrl());
  const found = await findings(empty.open());
  expect(failed(found)).toEqual([]);
  expect(found[0]?.detail).toContain('is not there yet: the first run makes it in US');
  expect(await empty.touched()).toBe(false);
});

test('a default expiration of the dataset is said, and not taken over', async () => {
  await lab.ask('PATCH', `/datasets/${lab.place.dataset}`, { defaultTableExpirationMs: '86400000' });
  const [reached] = await findings(lab.open());
  expect(reached?.detail).toContain("default expiration of 1 days is not taken over by exportd's tables");
});
