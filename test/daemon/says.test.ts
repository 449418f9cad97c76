/** All that the daemon says, of real runs: the real mock API, a real DuckDB file, real endpoints. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { openSays, type Says } from '../../src/daemon/says.ts';
import { createRedact } from '../../src/redact.ts';
import { type Folder, folder, frame } from '../cli/exportd.ts';
import { queryFile } from '../e2e/world.ts';
import { type Row, startUsageApi, type UsageApi } from '../engines/usage-api.ts';
import { openTestEndpoint, type TestEndpoint } from './endpoints.ts';
import { type DaemonWorld, daemonWorld } from './world.ts';

const KEY = 'the-api-key-of-acme';
const HOOK = '/services/T0/B0/hush-hush-hush';
const TOKEN = 'the-token-of-the-daemon';
const ADA = { user_id: 'user-of-ada', name: 'Ada Lovelace', email: 'ada@example.com' };
/** Nobody may see these, wherever they look (reliability 21). */
const UNSAID = [KEY, HOOK, 'hush', TOKEN, ...Object.values(ADA)];
const HOUR = 3_600_000;
const PAGES = [
  '/healthz',
  '/readyz',
  '/metrics',
  '/api/jobs',
  '/api/jobs/j/periods',
  '/api/jobs/k/periods',
  '/api/runs',
];

describe('a daemon that tells', () => {
  let api: UsageApi;
  let hook: TestEndpoint;
  let place: Folder;
  let said: string[];
  let messages: unknown;
  beforeEach(async () => {
    messages = 1;
    const rows = () => [{ ...ADA, messages_total: messages } as Row];
    api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, historyMonths: null, rateLimit: null, rows });
    hook = await openTestEndpoint();
    place = folder();
    said = [];
  });
  afterEach(async () => {
    place[Symbol.dispose]();
    await hook[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
  });

  async function open(on: string): Promise<{ says: Says; world: DaemonWorld }> {
    const k = `  k: { source: acme, data_type: users, destination: local, window: { grain: day, lookback: 3 }, schedule: "0 * * * *" }\n`;
    const job = 'window: { grain: day, lookback: 3 }, schedule: "0 * * * *", freshness: { expect_by: "09:00" }';
    const more = `${k}notifications: [{ type: webhook, url: "${hook.url}${HOOK}", on: ${on} }]\n`;
    const text = frame({ url: api.url, job, more, timezone: 'UTC' });
    place.write('exportd.yaml', text.replace('daemon: {', `daemon: { listen: "127.0.0.1:0", token: ${TOKEN},`));
    const config = loadConfig(place.at('exportd.yaml'), { env: {} });
    const log = (fields: object, message: string) => said.push(JSON.stringify({ ...fields, message }));
    let world: DaemonWorld | undefined;
    const says = await openSays({
      config,
      clock: () => world?.now ?? 0,
      log: { info: log, warn: log },
      redact: createRedact(config.secrets()),
      requestRun: () => 'queued',
    });
    world = await daemonWorld(place, Date.parse('2026-11-24T05:59:00Z'), undefined, says.tell);
    return { says, world };
  }

  const pagesOf = async ({ url }: Says): Promise<string> => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answers = await Promise.all(PAGES.map((path) => fetch(`${url}${path}`, { headers })));
    return (await Promise.all(answers.map((answer) => answer.text()))).join('\n');
  };

  test('tells of a refused key once, whatever the ticks and jobs, and once that it is over (reliability 9)', async () => {
    api.fault({ kind: 'status', status: 401, body: { message: `The key ${KEY} is invalid.` }, times: 'always' });
    const { says, world } = await open('[failure, held, stale, recovered]');
    await world.goTo(Date.parse('2026-11-24T07:30:00Z'), HOUR / 2);
    expect(await pagesOf(says)).toContain('"ready":false');
    api.liftFaults();
    await world.goTo(Date.parse('2026-11-24T08:30:00Z'), HOUR / 2);
    const pages = await pagesOf(says);
    expect(pages).toContain('"ready":true');
    await world[Symbol.asyncDispose]();
    await says[Symbol.asyncDispose]();
    const events = hook.heard.map(({ body }) => JSON.parse(body));
    const ofSource = events.flatMap(({ incidents }) => incidents).filter(({ source }) => source === 'acme');
    expect(ofSource).toMatchObject([
      { incident: 'failure/source/acme', recovered: false, error_code: 'UNAUTHORIZED' },
      { incident: 'failure/source/acme', recovered: true },
    ]);
    for (const value of UNSAID) expect(pages + said.join() + JSON.stringify(events)).not.toContain(value);
  });

  test('says nothing personal of a value that does not fit its column (reliability 21)', async () => {
    messages = ADA.email;
    const { says, world } = await open('[failure]');
    await world.goTo(Date.parse('2026-11-24T06:15:00Z'), HOUR / 4);
    const pages = await pagesOf(says);
    await world[Symbol.asyncDispose]();
    await says[Symbol.asyncDispose]();
    const bodies = hook.heard.map(({ body }) => body).join();
    expect(pages).toContain('exportd_period_errors_total{job="j",code="VALUE_MISFIT"} 3');
    expect(bodies).toContain('VALUE_MISFIT');
    for (const value of UNSAID) expect(pages + said.join() + bodies).not.toContain(value);
  });

  test('loads as ever where the endpoint takes the message and never answers (reliability 23)', async () => {
    hook.answer('silent');
    const { says, world } = await open('[loaded]');
    await world.goTo(Date.parse('2026-11-24T06:15:00Z'), HOUR / 4);
    await hook.seen(1);
    expect(await queryFile(place.at('out.duckdb'), 'SELECT count(*) FROM t')).toEqual([['3']]);
    expect(JSON.parse(hook.heard[0]?.body ?? '')).toMatchObject({
      event: 'loaded',
      row_count: 3,
      outcomes: { loaded: 3 },
    });
    const pages = await pagesOf(says);
    expect(pages).toContain('exportd_periods_total{job="j",outcome="loaded",reason="missing"} 3');
    await world[Symbol.asyncDispose]();
    await hook[Symbol.asyncDispose]();
    await says[Symbol.asyncDispose]();
    expect(said.join()).toContain('notification dropped');
  });
});
