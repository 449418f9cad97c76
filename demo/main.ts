/**
 * `npm run demo`: the real command line, the jobs of ./config and a warehouse in ./data/usage.duckdb, fed by the
 * Usage Export API of the tests with a year of made-up usage. Ends by itself and leaves nothing running.
 */
import { addDays, addMonths } from '../src/core/dates.ts';
import { firstInstant, localDateOf } from '../src/core/local-time.ts';
import { startUsageApi } from '../test/engines/usage-api.ts';
import { recentLoads, topUsers } from './queries.ts';
import { openStage, StepFailed } from './stage.ts';
import { HOME } from './usage/events.ts';
import { Usage } from './usage.ts';
import { removeWarehouse } from './warehouse.ts';

const HOUR = 3_600_000;
const JOB = 'users_daily';
const KEY = 'demo-key-of-a-made-up-workspace';

const now = Date.now();
/** The newest day that exportd calls closed: two hours after its end. */
const newest = addDays(localDateOf(now - 2 * HOUR, HOME), -1);
const yearAgo = addDays(addMonths(localDateOf(now, 'UTC'), -12), 2);
const lastMonth = addMonths(`${localDateOf(now, HOME).slice(0, 7)}-01`, -1);

/** When phones that had no network come back. */
const back = now + 60_000;
const usage = new Usage({
  seed: 2026,
  last: addDays(localDateOf(now, 'UTC'), -1),
  outage: {
    origin: 'MOBILE',
    from: firstInstant(addDays(newest, -2), HOME) + 12 * HOUR,
    to: firstInstant(addDays(newest, -1), HOME) + 21 * HOUR,
    arrivesAt: back,
  },
});

try {
  await play();
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.exitCode = error.exitCode;
}

async function play(): Promise<void> {
  await removeWarehouse();
  let arrivedBy = now;
  await using api = await startUsageApi({
    workspace: 'acme',
    byok: true,
    keys: { [KEY]: ['USAGE_EXPORT_API'] },
    rows: (request) => usage.rows({ ...request, now: arrivedBy }),
  });
  const stage = openStage({ USAGE_API_URL: api.url, ODEUS_API_KEY: KEY });

  await stage.title('exportd: usage reports into your warehouse, exactly once');
  await stage.say(
    '',
    `A made-up workspace of ${usage.workspace.users.length} people, with a year of usage, answers at ${api.url}`,
    'as the Usage Export API does. The jobs are those of ./config; the warehouse is the file ./data/usage.duckdb.',
  );

  await stage.step('What is due now, and why');
  await stage.run('plan', JOB);

  await stage.step('A year of history: one export a day, each day all or nothing');
  await stage.run('backfill', JOB, '--from', yearAgo);

  await stage.step('Ask the warehouse: who used it most last month?');
  await stage.query(topUsers(lastMonth));

  await stage.step('Run again: the newest days are exported again, nothing changed, nothing is rewritten');
  await stage.run('run', JOB);

  arrivedBy = back;
  await stage.step('Phones that had no network deliver what was said on two days: just those are restated');
  await stage.run('run', JOB);
  await stage.say('');
  await stage.query(recentLoads(newest));

  await stage.say('');
  await stage.title('What next');
  await stage.say(
    `  npx exportd status ${JOB}    how the job stands`,
    '  npx exportd init my-exports       a config of your own, commented',
    '  duckdb data/usage.duckdb          the rows; their ledger is the table _exportd_loads',
    '  config/jobs/*.yaml                the jobs of this demo and four more',
  );
}
