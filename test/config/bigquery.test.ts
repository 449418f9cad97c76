import { relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { BigQueryConfig } from '../../src/config/settings.ts';
import { folder, frame, load, refusal } from './frame.ts';

/** A config whose job goes to the destination `bq`, in line 6; its keys as they are written. */
function bq(keys: string, job: Readonly<Record<string, string>> = {}): string {
  return frame({ destination: 'bq', ...job }).replace('jobs:', `  bq: { type: bigquery, ${keys} }\njobs:`);
}

function bqOf(keys: string): BigQueryConfig {
  const destination = load(bq(keys)).destinations.get('bq');
  if (destination?.type !== 'bigquery') throw new Error('The config has no destination bq.');
  return destination;
}

const LEAST = 'project: acme-analytics, dataset: usage';

describe('a bigquery destination', () => {
  test('needs a project and a dataset; the rest is what docs/configuration.md says', () => {
    expect(bqOf(LEAST)).toEqual({
      type: 'bigquery',
      name: 'bq',
      project: 'acme-analytics',
      billingProject: 'acme-analytics',
      dataset: 'usage',
      stagingDataset: 'usage',
      location: undefined,
      endpoint: undefined,
      keyFile: undefined,
      impersonate: undefined,
      labels: {},
      maximumBytesBilled: undefined,
      partitionExpiration: undefined,
      requirePartitionFilter: false,
    });
  });

  test('takes sizes, durations and labels', () => {
    const keys = `${LEAST}, maximum_bytes_billed: 10GB, partition_expiration: 400d, labels: { team: data, env: "1" }`;
    expect(bqOf(keys)).toMatchObject({
      maximumBytesBilled: 10_000_000_000,
      partitionExpiration: 400 * 86_400_000,
      labels: { team: 'data', env: '1' },
    });
  });

  test('looks for the key file beside the YAML file', () => {
    using there = folder({ 'sub/d.yaml': `destinations: { bq: { type: bigquery, ${LEAST}, key_file: k.json } }\n` });
    const destination = loadConfig(there.path, { env: {} }).destinations.get('bq');
    if (destination?.type !== 'bigquery') throw new Error('The config has no destination bq.');
    expect(relative(there.path, destination.keyFile ?? '')).toBe('sub/k.json');
  });

  test.each([
    ['project: Acme, dataset: usage', 'project: the id of a project, such as acme-analytics expected'],
    ['project: acme, dataset: my-usage', 'dataset: a name of letters, digits and _ expected'],
    [`${LEAST}, labels: { Team: x }`, 'labels of small letters, digits, _ and -, at most 63, a letter first expected'],
    [`${LEAST}, labels: { team: X }`, 'a value of small letters, digits, _ and -, at most 63 expected'],
    [`${LEAST}, impersonate: loader`, "a service account's e-mail address expected"],
    [`${LEAST}, credentials: x`, 'unknown key credentials'],
  ])('%s is refused', (keys, why) => {
    expect(refusal(bq(keys)).lines.join('\n')).toContain(why);
  });

  test('what it drops by itself is not wanted', () => {
    const [job] = load(bq(`${LEAST}, partition_expiration: 90d`)).jobs;
    expect(job?.sources[0]?.history).toEqual({ amount: 90, unit: 'day' });
  });

  test('two that are one dataset fill one table, and must agree', () => {
    const text = bq(LEAST).replace('jobs:', `  twin: { type: bigquery, ${LEAST}, location: EU }\njobs:`);
    const other =
      'jobs:\n  k: { source: acme, data_type: agents, destination: twin, table: t, window: { grain: day } }';
    expect(refusal(text.replace('jobs:', other)).lines.join('\n')).toContain('fill one table, t, but differ');
  });

  test('a table is clustered by four columns at most', () => {
    expect(refusal(bq(LEAST, { cluster_by: '[a, b, c, d, e]' })).lines.join('\n')).toContain(
      'cluster_by: 4 columns at most, 5 are given',
    );
  });

  test('a column that BigQuery keeps for itself is refused before anything is asked for (case d01)', () => {
    const columns = { columns: '{ rename: { user_id: _table_id } }' };
    expect(refusal(bq(LEAST, columns)).lines.join('\n')).toContain('BigQuery keeps names that begin with _table_');
  });
});
