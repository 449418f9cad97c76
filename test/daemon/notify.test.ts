import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { openHeartbeat } from '../../src/daemon/heartbeat.ts';
import type { Incident } from '../../src/daemon/incidents.ts';
import type { Message } from '../../src/daemon/messages.ts';
import type { Delivery } from '../../src/daemon/metrics.ts';
import { openNotifier } from '../../src/daemon/notify.ts';
import { createRedact } from '../../src/redact.ts';
import { openTestEndpoint, type TestEndpoint } from './endpoints.ts';

const PATH = '/services/T0/B0/hush-hush-hush';
const AT = Date.parse('2026-11-24T06:00:00Z');

const incident: Incident = {
  kind: 'failure',
  what: 'job',
  name: 'users_daily',
  since: AT,
  code: 'VALUE_MISFIT',
  message: 'column <messages> & row 3: text "x"',
  hint: 'set columns.types',
  key: 'acme/users/2026-11-23/2026-11-24@UTC',
};

function message(about: Partial<Incident> = {}): Message {
  const change = { at: AT, type: 'began', incident: { ...incident, ...about } } as const;
  return { type: 'incidents', at: AT, changes: [change], count: 1 };
}

/** A notifier on an endpoint, whose waits are over at once and written down. */
function notifierOn(endpoint: Pick<TestEndpoint, 'url'>, type: 'slack' | 'webhook' = 'webhook') {
  const said: string[] = [];
  const results: Delivery[] = [];
  const waits: number[] = [];
  const url = new Secret(`${endpoint.url}${PATH}`);
  const log = {
    info: (fields: object, text: string) => said.push(JSON.stringify({ ...fields, text })),
    warn: (fields: object, text: string) => said.push(JSON.stringify({ ...fields, text })),
  };
  const notifier = openNotifier({
    config: {
      type,
      name: `notifications[0] (${type})`,
      url,
      on: new Set(['failure']),
      headers: new Map(type === 'webhook' ? [['Authorization', new Secret('Bearer hush')]] : []),
    },
    log,
    redact: createRedact([new Secret('the-api-key-of-acme')]),
    delivered: (result) => results.push(result),
    random: () => 1,
    pause: async (ms) => waits.push(ms),
  });
  const settled = () => notifier.settled(AbortSignal.timeout(20_000));
  return { notifier, said, results, waits, settled };
}

describe('a notification', () => {
  test('is JSON to a webhook, with its headers and in the names of the ledger', async () => {
    await using endpoint = await openTestEndpoint();
    const { notifier, settled, results } = notifierOn(endpoint);
    await using _ = notifier;
    notifier.send(message());
    await settled();
    const [heard] = endpoint.heard;
    expect([heard?.method, heard?.path, heard?.headers['content-type']]).toEqual(['POST', PATH, 'application/json']);
    expect(heard?.headers.authorization).toBe('Bearer hush');
    expect(JSON.parse(heard?.body ?? '')).toEqual({
      event: 'failure',
      at: '2026-11-24T06:00:00.000Z',
      incident_count: 1,
      incidents: [
        {
          incident: 'failure/job/users_daily',
          kind: 'failure',
          recovered: false,
          since: '2026-11-24T06:00:00.000Z',
          until: null,
          job: 'users_daily',
          error_code: 'VALUE_MISFIT',
          message: 'column <messages> & row 3: text "x"',
          hint: 'set columns.types',
          period_key: 'acme/users/2026-11-23/2026-11-24@UTC',
        },
      ],
      exportd_version: expect.any(String),
    });
    expect(results).toEqual(['sent']);
  });

  test('is text to Slack, in which nothing calls everybody', async () => {
    await using endpoint = await openTestEndpoint();
    const { notifier, settled } = notifierOn(endpoint, 'slack');
    await using _ = notifier;
    notifier.send(message({ message: '<!channel> look' }));
    await settled();
    expect(JSON.parse(endpoint.heard[0]?.body ?? '')).toEqual({
      text:
        '*job users_daily* fails (VALUE_MISFIT): &lt;!channel&gt; look\n' +
        '`acme/users/2026-11-23/2026-11-24@UTC`\nset columns.types',
    });
  });

  test('of a load has what starts the next step: job, table, keys, rows, outcomes', async () => {
    await using endpoint = await openTestEndpoint();
    const { notifier, settled } = notifierOn(endpoint);
    await using _ = notifier;
    const period = { key: 'k', date: '2026-11-23', outcome: 'loaded', rows: 60 } as const;
    const outcomes = { loaded: 1, unchanged: 2 };
    const where = { job: 'j', table: 't', destination: 'local' };
    notifier.send({
      type: 'loaded',
      load: { at: AT, runId: 'r', ...where, rows: 60, outcomes, changed: 1, periods: [period] },
    });
    await settled();
    expect(JSON.parse(endpoint.heard[0]?.body ?? '')).toMatchObject({
      event: 'loaded',
      job: 'j',
      table_name: 't',
      destination: 'local',
      row_count: 60,
      outcomes,
      period_count: 1,
      periods: [{ period_key: 'k', period_date: '2026-11-23', outcome: 'loaded', row_count: 60 }],
    });
  });

  test('is sent again where the endpoint errs, later each time, and no sooner than it asks', async () => {
    await using endpoint = await openTestEndpoint();
    endpoint.answer(
      { status: 500 },
      { status: 429, headers: { 'retry-after': '30' } },
      { status: 503 },
      { status: 204 },
    );
    const { notifier, settled, waits, results, said } = notifierOn(endpoint);
    await using _ = notifier;
    notifier.send(message());
    await settled();
    expect(waits).toEqual([2_000, 30_000, 8_000]);
    expect([endpoint.heard.length, results, said]).toEqual([4, ['sent'], []]);
  });

  test.each([
    ['answers 500 for ever', { status: 500 }, 9, 'the endpoint answered 500'],
    ['knows no such hook', { status: 404 }, 1, 'the endpoint answered 404'],
    [
      'redirects, which would carry the secret elsewhere',
      { status: 307, headers: { location: '/x' } },
      1,
      'answered 307',
    ],
  ] as const)(
    'is dropped with a log line where the endpoint %s (reliability 23)',
    async (_what, manner, times, why) => {
      await using endpoint = await openTestEndpoint();
      endpoint.answer(manner);
      const { notifier, settled, results, said } = notifierOn(endpoint);
      await using _ = notifier;
      notifier.send(message());
      await settled();
      expect([endpoint.heard.length, results, said.length]).toEqual([times, ['dropped'], 1]);
      expect(said[0]).toContain(why);
      expect(said[0]).toContain('notifications[0] (webhook)');
    },
  );

  test('is dropped where nobody listens, and no log line says where (reliability 21)', async () => {
    const gone = await openTestEndpoint();
    await gone[Symbol.asyncDispose]();
    const { notifier, settled, results, said } = notifierOn(gone);
    await using _ = notifier;
    notifier.send(message());
    await settled();
    expect(results).toEqual(['dropped']);
    expect(said.join()).toContain('cannot be reached (ECONNREFUSED)');
    expect(said.join()).not.toMatch(/hush|127\.0\.0\.1/);
  });

  test('waits for nobody: a silent endpoint holds up at most 100, and the oldest are dropped', async () => {
    await using endpoint = await openTestEndpoint();
    endpoint.answer('silent');
    const { notifier, results, said } = notifierOn(endpoint);
    for (let n = 0; n < 151; n += 1) notifier.send(message({ name: `j${n}` }));
    expect(results).toHaveLength(50);
    await endpoint.seen(1);
    await notifier[Symbol.asyncDispose]();
    expect(results).toEqual(Array.from({ length: 151 }, () => 'dropped'));
    expect([said.filter((line) => line.includes('too many')).length, said.length]).toEqual([50, 151]);
  });

  test('has no known secret in it, should an error quote one', async () => {
    await using endpoint = await openTestEndpoint();
    const { notifier, settled } = notifierOn(endpoint);
    await using _ = notifier;
    notifier.send(message({ message: 'refused: the-api-key-of-acme' }));
    await settled();
    expect(endpoint.heard[0]?.body).toContain('refused: [secret]');
  });
});

test('a heartbeat is a GET that nobody waits for; that it is not heard is said once, and once that it is again', async () => {
  await using endpoint = await openTestEndpoint();
  const said: string[] = [];
  const say = (_fields: object, text: string) => said.push(text);
  const url = new Secret(endpoint.url.replace('//', '//me:hush@'));
  await using heartbeat = openHeartbeat(url, { info: say, warn: say });
  const beats = async (count: number) => {
    for (let n = 0; n < count; n += 1) {
      const before = endpoint.heard.length;
      await heartbeat.beat();
      expect(endpoint.heard.length).toBe(before + 1);
    }
  };
  await beats(2);
  endpoint.answer({ status: 500 });
  await beats(3);
  endpoint.answer({ status: 200 });
  await beats(2);
  expect(said).toEqual(['heartbeat_url answered 500', 'heartbeat_url answers again']);
  expect(endpoint.heard[0]).toMatchObject({
    method: 'GET',
    body: '',
    headers: { authorization: 'Basic bWU6aHVzaA==' },
  });
});
