import { expect, test } from 'vitest';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { labJob, labSource, openLab } from './lab.ts';

const COUNTED = 'SELECT _source FROM users_daily GROUP BY _source ORDER BY count(*)';

test('one workspace that comes under two source keys in one batch lands under one of them', async () => {
  await using lab = await openLab({ rows: plainUsage({ rows: 3 }), sources: ['acme', 'acme_eu'] });
  const both = labJob(2, { sources: [labSource('acme'), labSource('acme_eu')] });
  const run = await lab.run([both]);
  expect(run.outcomes).toMatchObject({ loaded: 2, failed: 2 });
  expect(run.periods.flatMap(({ error }) => (error === undefined ? [] : [error.code]))).toEqual([
    'ORG_TWICE',
    'ORG_TWICE',
  ]);
  expect(await lab.query(COUNTED)).toHaveLength(1);
});
