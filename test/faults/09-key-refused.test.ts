import { expect, test } from 'vitest';
import { world } from '../e2e/world.ts';
import { plainUsage } from '../engines/usage-api/plain-usage.ts';
import { outcomeOf } from './ends.ts';
import { reconfigure, spooled } from './place.ts';

const CONCURRENCY = 4;
const HISTORY = ['backfill', 'j', '--from', '2026-01-01', '--to', '2026-06-30'];

test('a key that is revoked in the middle of a backfill stops it: few requests more, and what was loaded stays (reliability 9)', async () => {
  let answered = 0;
  await using w = await world({
    rows: (request) => {
      answered += 1;
      if (answered === 130) w.api.fault({ kind: 'status', status: 401, body: INVALID, times: 'always' });
      return plainUsage({ rows: 3 })(request);
    },
  });
  reconfigure(w, { 'rate_limit: null': `rate_limit: null, concurrency: ${CONCURRENCY}` });
  const stopped = await outcomeOf(w.start(...HISTORY, '-o', 'json'));
  const refused = w.api.requests.filter(({ status }) => status === 401).length;
  expect(stopped.exit).toBe(1);
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThanOrEqual(CONCURRENCY);
  expect(stopped.outcomes.loaded).toBeGreaterThanOrEqual(130);
  expect((stopped.outcomes.failed ?? 0) + (stopped.outcomes.skipped ?? 0)).toBe(181 - (stopped.outcomes.loaded ?? 0));
  expect(stopped.said).toContain('UNAUTHORIZED');
  expect(spooled(w)).toEqual([]);
  expect(await w.broken()).toEqual([]);

  w.api.liftFaults();
  w.api.requests.length = 0;
  const healed = await w.run(...HISTORY);
  expect(healed).toMatchObject({ exit: 0, outcomes: { loaded: 181 - (stopped.outcomes.loaded ?? 0) } });
  expect(await w.query('SELECT count(DISTINCT _period_key) FROM t')).toEqual([['181']]);
  expect(await w.broken()).toEqual([]);
});

const INVALID = { message: 'The provided API key is invalid.' };
