import { expect, test } from 'vitest';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { eventsOf, labJob, labSource, openLab } from './lab.ts';

const COUNTED = 'SELECT _source FROM users_daily GROUP BY _source ORDER BY count(*)';
const rows = plainUsage({ rows: 3 });

test('one workspace that comes under two source keys in one batch lands under the first of them, whichever answers first', async () => {
  await using lab = await openLab({ rows, sources: ['acme', 'acme_eu'] });
  const both = labJob(2, { sources: [labSource('acme'), labSource('acme_eu')] });
  lab.api.fault({ kind: 'delay', ms: 200, times: 1 });
  const run = await lab.run([both]);
  expect(run.outcomes).toMatchObject({ loaded: 2, failed: 2 });
  expect(eventsOf(run, 'period.done').flatMap(({ error }) => error?.code ?? [])).toEqual(['ORG_TWICE', 'ORG_TWICE']);
  expect(await lab.query(COUNTED)).toEqual(['acme']);
});

test('nor does it land twice where the jobs name the table by two destinations that are physically one', async () => {
  await using lab = await openLab({ rows, sources: ['acme', 'acme_eu'] });
  const run = await lab.run([
    labJob(2, { name: 'a', sources: [labSource('acme')] }),
    labJob(2, { name: 'b', sources: [labSource('acme_eu')], destination: 'the same' }),
  ]);
  expect(run.outcomes).toMatchObject({ loaded: 2, failed: 2 });
  expect(await lab.query(COUNTED)).toHaveLength(1);
});
