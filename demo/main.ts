/**
 * `npm run demo`: the real command line, the jobs of ./config and a warehouse in ./data/usage.duckdb, fed by the
 * Usage Export API of the tests with a year of made-up usage. Ends by itself and leaves nothing running.
 */
import { createOutput } from '../src/cli/output.ts';
import { addDays, addMonths } from '../src/core/dates.ts';
import { firstInstant, localDateOf } from '../src/core/local-time.ts';
import { startUsageApi } from '../test/engines/usage-api.ts';
import { exportd } from './exportd.ts';
import { HOME } from './usage/events.ts';
import { Usage } from './usage.ts';
import { queryLines, removeWarehouse } from './warehouse.ts';

const HOUR = 3_600_000;
const JOB = 'users_daily';
const KEY = 'demo-key-of-a-made-up-workspace';

const { env, stdout, stderr } = process;
const output = createOutput({ format: 'text', color: true, env, stdout, stderr });
let interrupted = false;
process.on('SIGINT', () => {
  interrupted = true;
});

const now = Date.now();
/** The newest day that exportd calls closed: two hours after its end. */
const newest = addDays(localDateOf(now - 2 * HOUR, HOME), -1);
const yearAgo = addDays(addMonths(localDateOf(now, 'UTC'), -12), 2);
const month = addMonths(`${localDateOf(now, HOME).slice(0, 7)}-01`, -1);

const arrival = now + 60_000;
const usage = new Usage({
  seed: 2026,
  last: addDays(localDateOf(now, 'UTC'), -1),
  outage: {
    origin: 'MOBILE',
    from: firstInstant(addDays(newest, -2), HOME) + 12 * HOUR,
    to: firstInstant(addDays(newest, -1), HOME) + 21 * HOUR,
    arrivesAt: arrival,
  },
});
let arrivedBy = now;

process.exitCode = await demo().catch((error: unknown) => {
  if (error instanceof StepFailed) return error.exitCode;
  throw error;
});

async function demo(): Promise<number> {
  await removeWarehouse();
  await using api = await startUsageApi({
    workspace: 'acme',
    byok: true,
    keys: { [KEY]: ['USAGE_EXPORT_API'] },
    rows: (request) => usage.rows({ ...request, now: arrivedBy }),
  });
  const variables = { USAGE_API_URL: api.url, ODEUS_API_KEY: KEY };
  const run = (...words: string[]) => command(words, variables);

  const people = usage.workspace.users.length;
  await say(
    output.paint('bold', 'exportd: usage reports into your warehouse, exactly once'),
    '',
    `A made-up workspace of ${people} people, with a year of usage, answers at ${api.url}`,
    'as the Usage Export API does. The jobs are those of ./config; the warehouse is the file ./data/usage.duckdb.',
  );

  await step('What is due now, and why');
  await run('plan', JOB);

  await step('A year of history: one export a day, each day one all-or-nothing load');
  await run('backfill', JOB, '--from', yearAgo);

  await step('Ask the warehouse: who used it most last month?');
  await query(topUsers(month));

  await step('Run again: the newest days are exported again, nothing changed, nothing is rewritten');
  await run('run', JOB);

  arrivedBy = arrival;
  await step('Phones that were offline deliver what was said two days ago: just those days are restated');
  await run('run', JOB);
  await query(recentLoads());

  await say(
    '',
    output.paint('bold', 'What next'),
    '  npx exportd status                                 how the jobs stand',
    '  npx exportd init my-exports                        a config of your own',
    '  duckdb data/usage.duckdb                           the rows, and their ledger in _exportd_loads',
  );
  return 0;
}

class StepFailed extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exportd ended with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

async function command(words: readonly string[], variables: Readonly<Record<string, string>>): Promise<void> {
  await say(output.paint('cyan', `$ exportd ${words.join(' ')}`));
  const exitCode = await exportd(words, variables);
  if (interrupted) throw new StepFailed(130);
  if (exitCode !== 0) throw new StepFailed(exitCode);
}

async function query(sql: string): Promise<void> {
  await say(...sql.split('\n').map((line) => output.paint('cyan', line)), '');
  await say(...(await queryLines(sql)));
}

let steps = 0;
async function step(title: string): Promise<void> {
  if (interrupted) throw new StepFailed(130);
  steps += 1;
  await say('', output.paint('bold', `${steps}. ${title}`), '');
}

async function say(...lines: readonly string[]): Promise<void> {
  await output.print(lines);
}

function topUsers(month: string): string {
  return `SELECT arg_max(name, _period_date) AS name, sum(messages_total)::BIGINT AS messages,
       count(DISTINCT _period_date) AS days, round(sum(payg_consumption_in_period), 2) AS usd
FROM users_daily
WHERE _period_date BETWEEN '${month}' AND '${addDays(addMonths(month, 1), -1)}'
GROUP BY user_id ORDER BY messages DESC LIMIT 8`;
}

function recentLoads(): string {
  return `SELECT period_date, outcome, row_count AS rows, totals->>'messages_total' AS messages
FROM _exportd_loads WHERE period_date >= '${addDays(newest, -2)}'
ORDER BY period_date, loaded_at, load_id`;
}
