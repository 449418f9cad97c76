/** `npm run store`: a real ClickHouse with made-up usage of one workspace, until Ctrl-C. */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { addDays } from '../src/core/dates.ts';
import { localDateOf } from '../src/core/local-time.ts';
import { ClickHouseUnavailable } from '../test/engines/clickhouse/install.ts';
import { fill } from './store/fill.ts';
import { openStore } from './store/open.ts';

const HELP = `npm run store -- [--port P] [--days N] [--users U] [--seed S]

A real ClickHouse on loopback with the made-up usage of one workspace, acme, up to yesterday. Stays up until Ctrl-C.

  --port P    its HTTP port (default: 8123)
  --days N    days of usage (default: 400)
  --users U   people (default: 120); 6,500 people and 365 days make 8.5 million requests
  --seed S    the same seed makes the same usage (default: 2026)

Where CLICKHOUSE_URL is set (with CLICKHOUSE_USER and CLICKHOUSE_PASSWORD), that server is filled instead: its database
exportd_demo is made anew.
`;

class WrongWords extends Error {}

try {
  const wishes = wishesOf(process.argv.slice(2));
  if (wishes === undefined) process.stdout.write(HELP);
  else await keepStore(wishes);
} catch (error) {
  if (!(error instanceof WrongWords || error instanceof ClickHouseUnavailable)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof WrongWords ? 2 : 1;
}

interface Wishes {
  readonly port: number;
  readonly days: number;
  readonly users: number;
  readonly seed: number;
}

function wishesOf(words: readonly string[]): Wishes | undefined {
  const text = { type: 'string' } as const;
  const options = { port: text, days: text, users: text, seed: text, help: { type: 'boolean', short: 'h' } } as const;
  let values: { readonly [name in keyof Wishes]?: string } & { readonly help?: boolean };
  try {
    values = parseArgs({ args: [...words], options }).values;
  } catch (error) {
    throw new WrongWords(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  }
  if (values.help === true) return undefined;
  const whole = (name: keyof Wishes, usual: number, most: number): number => {
    const given = values[name] ?? String(usual);
    if (/^\d{1,9}$/.test(given) && Number(given) >= 1 && Number(given) <= most) return Number(given);
    throw new WrongWords(`--${name} takes a whole number from 1 to ${most}, not ${JSON.stringify(given)}`);
  };
  return {
    port: whole('port', 8123, 65_535),
    days: whole('days', 400, 10_000),
    users: whole('users', 120, 1_000_000),
    seed: whole('seed', 2026, 999_999_999),
  };
}

async function keepStore({ port, days, users, seed }: Wishes): Promise<void> {
  const began = performance.now();
  await using store = await openStore(port);
  const now = Date.now();
  const last = addDays(localDateOf(now, 'UTC'), -1);
  const { events } = await fill(store.client, { org: 'acme', seed, last, days, users, now });
  const took = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${events.toLocaleString('en')} requests of ${users.toLocaleString('en')} people on ${days} days, made in ${took} s.

  url         ${store.url}
  database    ${store.database}
  workspace   acme

In the YAML:

sources:
  store: { type: clickhouse, url: "${store.url}", database: ${store.database}, workspace: acme }

Or with the jobs of ./config:

  CLICKHOUSE_URL=${store.url} npx exportd plan
  CLICKHOUSE_URL=${store.url} npx exportd run users_daily

Ctrl-C ends it; nothing of it stays.
`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}
