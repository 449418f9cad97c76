import { expect, test } from 'vitest';
import { world } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { reasons, runBy } from './clocked.ts';

const ledger = `SELECT reason, outcome, closed, settled FROM _exportd_loads
  WHERE period_date = '2026-03-02' ORDER BY loaded_at, load_id`;

test('a request that leaves before its period closes and is answered after it closes nothing (reliability 18)', async () => {
  await using w = await world(
    { rows: plainUsage({ rows: 3 }) },
    { job: 'window: { grain: day, delay: 0s, include_open: true, begin: 2026-03-02 }' },
  );
  // Half a second before midnight in Berlin.
  let now = Date.parse('2026-03-02T22:59:59.500Z');
  const slow = w.api.fault({ kind: 'hang' });
  const run = runBy(() => now, w);
  await w.api.seen(({ fault }) => fault === 'hang');
  now += 2_000;
  slow.lift();
  expect(reasons(await run)).toEqual({ '2026-03-02': 'open' });
  expect(await w.query(ledger)).toEqual([['open', 'loaded', 'false', 'false']]);

  now += 60_000;
  expect(reasons(await runBy(() => now, w))).toEqual({ '2026-03-02': 'provisional', '2026-03-03': 'open' });
  // The same bytes, and yet it says something new.
  expect(await w.query(ledger)).toEqual([
    ['open', 'loaded', 'false', 'false'],
    ['provisional', 'unchanged', 'true', 'true'],
  ]);
  expect(await w.broken()).toEqual([]);
});
