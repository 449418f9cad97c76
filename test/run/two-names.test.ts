import { expect, test } from 'vitest';
import { exportd, frame } from '../cli/exportd.ts';
import { world } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';

test('a table that a job fills by another name of its file is no orphan', async () => {
  await using w = await world({ rows: plainUsage({ rows: 2 }) });
  const second = '  k: { source: acme, data_type: models, destination: again, table: u, window: { grain: day } }';
  const config = frame({ url: w.api.url, more: second });
  w.place.write('exportd.yaml', config.replace('local: {', 'again: { type: duckdb, path: ./out.duckdb }\n  local: {'));
  expect(await w.run('run')).toMatchObject({ exit: 0, outcomes: { loaded: 2 } });
  const { stdout } = await exportd(['status', '-c', w.place.at('exportd.yaml'), '-o', 'json']);
  const { jobs } = JSON.parse(stdout) as { jobs: { job: string; state: string }[] };
  expect(jobs.map(({ job, state }) => `${job} ${state}`)).toEqual(['j fresh', 'k fresh']);
});
