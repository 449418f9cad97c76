/**
 * `npm run demo`: the real command line, the jobs of ./config, a real ClickHouse with a year of made-up usage, the Usage
 * Export API over it, and a warehouse in ./data/usage.duckdb. Ends by itself and leaves nothing running. `--direct`: past
 * the API, straight from ClickHouse.
 */
import { parseArgs } from 'node:util';
import { addDays, addMonths } from '../src/core/dates.ts';
import { firstInstant, localDateOf } from '../src/core/local-time.ts';
import { ClickHouseUnavailable } from '../test/engines/clickhouse/install.ts';
import { type Api, openApi } from './api.ts';
import { recentLoads, topUsers } from './queries.ts';
import { openStage, StepFailed } from './stage.ts';
import { fill } from './store/fill.ts';
import { openStore } from './store/open.ts';
import { removeWarehouse } from './warehouse.ts';

const HOUR = 3_600_000;
/** Where the workspace's people work, and where the jobs' days begin. */
const HOME = 'Europe/Berlin';
const JOB = 'users_daily';
const PEOPLE = 120;
/** A little more than a year. */
const DAYS = 400;

const { values } = parseArgs({ options: { direct: { type: 'boolean', default: false } } });
const now = Date.now();
/** The newest day that exportd calls closed: two hours after its end. */
const newest = addDays(localDateOf(now - 2 * HOUR, HOME), -1);
const yearAgo = addDays(addMonths(localDateOf(now, 'UTC'), -12), 2);
const lastMonth = addMonths(`${localDateOf(now, HOME).slice(0, 7)}-01`, -1);
/** When phones that had no network come back. */
const back = now + 60_000;

try {
  await play();
} catch (error) {
  if (error instanceof ClickHouseUnavailable) console.error(error.message);
  else if (!(error instanceof StepFailed)) throw error;
  process.exitCode = error instanceof StepFailed ? error.exitCode : 1;
}

async function play(): Promise<void> {
  await removeWarehouse();
  await using store = await openStore();
  const usage = await fill(store.client, {
    org: 'acme',
    seed: 2026,
    last: addDays(localDateOf(now, 'UTC'), -1),
    days: DAYS,
    users: PEOPLE,
    now,
    outage: {
      from: firstInstant(addDays(newest, -2), HOME) + 12 * HOUR,
      to: firstInstant(addDays(newest, -1), HOME) + 21 * HOUR,
      over: back,
    },
  });
  await using api = values.direct ? undefined : await openApi(store);
  const stage = openStage({
    CLICKHOUSE_URL: store.url,
    CLICKHOUSE_USER: store.username,
    CLICKHOUSE_PASSWORD: store.password,
    CLICKHOUSE_DATABASE: store.database,
    ...sourceOf(api),
  });

  await stage.title('exportd: usage reports into your warehouse, exactly once');
  await stage.say(
    '',
    `A real ClickHouse at ${store.url} holds a year of a made-up workspace: ${PEOPLE} people, ${usage.events.toLocaleString('en')} requests.`,
    api === undefined
      ? 'It is read directly, past the Usage Export API.'
      : `The Usage Export API over it, \`exportd serve\`, answers at ${api.url}.`,
    'The jobs are those of ./config; the warehouse is the file ./data/usage.duckdb.',
  );

  await stage.step('What is due now, and why');
  await stage.run('plan', JOB);

  await stage.step('A year of history: one export a day, each day all or nothing');
  await stage.run('backfill', JOB, '--from', yearAgo);

  await stage.step('Ask the warehouse: who used it most last month?');
  await stage.query(topUsers(lastMonth));

  await stage.step('Run again: the newest days are exported again, nothing changed, nothing is rewritten');
  await stage.run('run', JOB);

  if (api !== undefined) {
    await stage.step(
      'Past the API, straight from ClickHouse: the same days are the same rows, and nothing is rewritten',
    );
    await stage.runWith({ EXPORTD_SOURCE: 'store' }, 'run', JOB, '--from', addDays(newest, -29), '--to', newest);
  }

  await usage.arrive(back);
  await stage.step('Phones that had no network deliver what was said on two days: just those are restated');
  await stage.run('run', JOB);
  await stage.say('');
  await stage.query(recentLoads(newest));

  await stage.say('');
  await stage.title('What next');
  await stage.say(
    `  npx exportd status ${JOB}    how the job stands`,
    '  npx exportd init my-exports       a config of your own, commented',
    '  npm run store                     the ClickHouse of this demo, to try jobs on',
    '  duckdb data/usage.duckdb          the rows; their ledger is the table _exportd_loads',
    '  config/jobs/*.yaml                the jobs of this demo and four more',
  );
}

/** Where the jobs of ./config get their usage from. */
function sourceOf(api: Api | undefined): Readonly<Record<string, string>> {
  if (api === undefined) return { EXPORTD_SOURCE: 'store' };
  return { EXPORTD_SOURCE: 'api', ODEUS_URL: api.url, ODEUS_API_KEY: api.key };
}
