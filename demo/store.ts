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
  --users U   people (default: 120); 7,700 people and 365 days make 10 million requests
  --seed S    the same seed makes the same usage (default: 2026)

Where CLICKHOUSE_URL is set (with CLICKHOUSE_USER and CLICKHOUSE_PASSWORD), that server is filled instead: its database
exportd_demo is made anew and stays, and this ends when it is filled.
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
  /** undefined where a server is there already. */
  readonly port: number | undefined;
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
  const isThere = process.env.CLICKHOUSE_URL !== undefined;
  if (isThere && values.port !== undefined) {
    throw new WrongWords('--port is for a server that this starts, and CLICKHOUSE_URL names one that is there already');
  }
  return {
    port: isThere ? undefined : whole('port', 8123, 65_535),
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
  const source = [
    `type: clickhouse, url: "${store.url}"`,
    ...(store.username === 'default' ? [] : [`username: "${store.username}"`]),
    ...(store.password === '' ? [] : ['password: "${CLICKHOUSE_PASSWORD}"']),
    `database: ${store.database}, workspace: acme`,
  ].join(', ');
  const env = store.stays ? '' : `CLICKHOUSE_URL=${store.url} `;
  process.stdout.write(`${events.toLocaleString('en')} requests of ${users.toLocaleString('en')} people on ${days} days, made in ${took} s.

  url         ${store.url}
  database    ${store.database}
  workspace   acme

In the YAML:

sources:
  store: { ${source} }

Or with the jobs of ./config:

  ${env}npx exportd plan
  ${env}npx exportd run users_daily

${store.stays ? `DROP DATABASE ${store.database} makes an end of it.` : 'Ctrl-C ends it; nothing of it stays.'}
`);
  if (!store.stays) await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}
