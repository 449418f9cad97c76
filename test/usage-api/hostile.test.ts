/** What no decent client does (reliability 24): everybody else must not notice. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ClickHouseServer } from '../engines/clickhouse.ts';
import { startTcpProxy } from '../engines/tcp-proxy.ts';
import { full } from '../faults/rounds.ts';
import { apiKey, keyOf, MARCH, openStore, openWorld, type World } from './world.ts';

let store: ClickHouseServer;
let w: World;
beforeAll(async () => {
  store = await openStore();
  await store.query(
    `INSERT INTO workspaces (org_id, name) VALUES ('acme', 'Acme'), ('../../etc', 'Evil'), ('beta', 'Beta')`,
  );
  for (const org of ['acme', '../../etc', 'beta']) {
    await store.query(
      `INSERT INTO usage_events (org_id, ts, user_id, model_id)
       SELECT {org:String}, toDateTime64('2026-03-02 08:00:00', 6, 'UTC'), {org:String} || number, 'm' FROM numbers(50)`,
      { org },
    );
  }
  w = await openWorld(store, {
    config: { keys: [apiKey('acme'), apiKey('beta'), apiKey('evil', { workspace: '../../etc' })] },
  });
});
afterAll(async () => {
  expect(w.bugs).toEqual([]);
  await w[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const portOf = ({ url }: World) => Number(new URL(url).port);

/** Whatever bytes, as they stand; what comes back until the connection ends. */
async function raw(bytes: string, to = w): Promise<string> {
  const socket = connect(portOf(to), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(bytes);
  return await text(socket).catch(() => '');
}

const REQUEST = JSON.stringify(MARCH);
const head = (method: string, path: string, more = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keyOf('acme')}\r\nContent-Type: application/json\r\n${more}`;

const isFine = async () => expect((await w.post('/export/users/json', MARCH)).json.metadata.recordCount).toBe(50);

describe('requests', () => {
  test.each([
    ['10 MB of body', () => w.post('/export/users', `{"x":"${'a'.repeat(10_000_000)}"}`), 413],
    [
      'a body nested a thousand times',
      () => w.post('/export/users', `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`),
      400,
    ],
    ['a wrong method', () => fetch(`${w.url}/export/users`, { method: 'DELETE' }), 405],
    ['GET of an export', () => w.get(`${w.url}/export/users/json`), 405],
    ['a preflight', () => fetch(`${w.url}/export/users`, { method: 'OPTIONS', headers: { origin: 'https://x' } }), 405],
    [
      'SQL as a timezone',
      () => w.post('/export/users', { ...MARCH, to: { ...MARCH.to, timezone: "UTC'); DROP TABLE users" } }),
      400,
    ],
    ['SQL as a grouping', () => w.post('/export/users', { ...MARCH, group_by: "model' OR 1=1 --" }), 400],
    ['a grouping of 10,000 letters', () => w.post('/export/users', { ...MARCH, group_by: 'x'.repeat(10_000) }), 400],
  ])('%s is answered as it should be', async (_what, send, status) => {
    expect((await send()).status).toBe(status);
    await isFine();
  });

  test('no header of an answer lets a page of another site read it', async () => {
    const preflight = await fetch(`${w.url}/export/users`, { method: 'OPTIONS', headers: { origin: 'https://x' } });
    expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['headers of 100 KB', head('POST', '/export/users', `X: ${'a'.repeat(100_000)}\r\n\r\n`), /^(HTTP\/1\.1 431 |$)/],
    [
      'two lengths',
      head('POST', '/export/users', 'Content-Length: 1\r\nContent-Length: 2\r\n\r\nx'),
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a length and chunks',
      head('POST', '/export/users', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
      /^HTTP\/1\.1 400 /,
    ],
    [
      'an unknown encoding',
      head('POST', '/export/users', 'Content-Encoding: zip\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}'),
      /^HTTP\/1\.1 400 /,
    ],
  ])('%s is refused', async (_what, bytes, answer) => {
    expect(await raw(bytes)).toMatch(answer);
    await isFine();
  });

  test('headers that never end, and a body that never comes, are waited for a little while; others are served meanwhile', async () => {
    await using hasty = await openWorld(store, { limits: { headers: 200, request: 300 } });
    const slow = [head('POST', '/export/users'), head('POST', '/export/users', 'Content-Length: 100\r\n\r\n{')];
    const answers = slow.map((bytes) => raw(bytes, hasty));
    expect((await hasty.post('/export/users/json', MARCH)).status).toBe(200);
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });
});

test(`${full ? 1000 : 100} clients at once, most of them without a key, are all answered`, async () => {
  const clients = full ? 1000 : 100;
  const answers = await Promise.all(
    Array.from({ length: clients }, (_, n) =>
      w.post('/export/users/json', MARCH, { workspace: n % 10 === 0 ? 'acme' : `nobody ${n}` }),
    ),
  );
  const counts = Map.groupBy(answers, ({ status }) => status);
  expect([counts.get(200)?.length, counts.get(401)?.length]).toEqual([clients / 10, (clients * 9) / 10]);
});

describe('downloads', () => {
  const link = async (workspace = 'acme') =>
    new URL((await w.post('/export/users', MARCH, { workspace })).json.data.downloadUrl);

  test.each([
    ['another file', (url: URL) => (url.pathname = url.pathname.replace(/[0-9a-f]{32}/, 'f'.repeat(32)))],
    ['a later end', (url: URL) => url.searchParams.set('expires', '99999999999')],
    ['another signature', (url: URL) => url.searchParams.set('signature', 'A'.repeat(43))],
    ['a short signature', (url: URL) => url.searchParams.set('signature', 'A')],
  ])('of %s are refused', async (_what, forge) => {
    const url = await link();
    forge(url);
    expect(await w.get(url.href)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
  });

  test.each(['signature', 'expires'])('without %s are refused', async (name) => {
    const url = await link();
    url.searchParams.delete(name);
    expect((await w.get(url.href)).status).toBe(400);
  });

  test('of what is no file of ours are refused, however the path is written', async () => {
    const { search } = await link();
    for (const path of [
      '../../../etc/passwd',
      '..%2f..%2fetc%2fpasswd',
      '%2e%2e/%2e%2e/etc/passwd',
      '....//etc/passwd',
      '%00/x',
    ]) {
      const answer = await raw(`GET /files/${path}${search} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 (400|403|404) /);
      expect(answer).not.toContain('root:');
    }
  });

  test("of a workspace with a hostile name stay in the folder, and another workspace's key opens nothing", async () => {
    const { json } = await w.post('/export/users', MARCH, { workspace: 'evil' });
    expect(json.data.filePath).toMatch(/^users-usage\/\.\.%2F\.\.%2Fetc\/users-usage-/);
    const file = await w.get(json.data.downloadUrl);
    expect(file.text.match(/"\.\.\/\.\.\/etc",/g)).toHaveLength(50);
    const beta = await w.post('/export/users/json', MARCH, { workspace: 'beta' });
    expect(new Set(beta.json.data.map((row: { org_id: string }) => row.org_id))).toEqual(new Set(['beta']));
  });

  test('that have expired are refused, and their files go', async () => {
    let now = Date.now();
    await using timed = await openWorld(store, { clock: () => now, config: { urlTtl: 1000 } });
    const { json } = await timed.post('/export/users', MARCH);
    expect((await timed.get(json.data.downloadUrl)).status).toBe(200);
    now += 2500;
    expect(await timed.get(json.data.downloadUrl)).toMatchObject({ status: 403, json: { code: 'EXPIRED' } });
  });
});

describe('a client that leaves', () => {
  /** The number of reports that run in the store. */
  const running = async () =>
    Number(
      await store.query(
        `SELECT count() FROM system.processes WHERE query LIKE '%RawBLOB%' AND query NOT LIKE '%processes%'`,
      ),
    );

  test.each(full ? ['csv', 'json'] : ['csv'])(
    'while its report runs leaves no query behind, and its turn to the next (%s)',
    async (format) => {
      // A report that takes minutes: each row of the models is slept for.
      await store.query('CREATE DATABASE IF NOT EXISTS slow');
      const tables = ['workspaces', 'users', 'projects', 'usage_events', 'store_versions'];
      for (const table of tables)
        await store.query(`CREATE VIEW IF NOT EXISTS slow.${table} AS SELECT * FROM default.${table}`);
      await store.query(
        `CREATE VIEW IF NOT EXISTS slow.models AS SELECT 'acme' AS org_id, 'm' AS model_id, toString(sleepEachRow(0.1)) AS name, 'p' AS provider,
       now64(6) AS changed_at FROM numbers(1000) SETTINGS max_block_size = 1`,
      );
      await using slow = await openWorld(store, {
        config: { concurrency: 1, clickHouse: { ...w.config.clickHouse, database: 'slow' } },
      });
      const leaving = new AbortController();
      const request = fetch(`${slow.url}/export/users/${format}`, {
        method: 'POST',
        signal: leaving.signal,
        headers: { authorization: `Bearer ${keyOf('acme')}`, 'content-type': 'application/json' },
        body: REQUEST,
      }).catch((error: Error) => error.name);
      await vi.waitFor(async () => expect(await running()).toBe(1), { timeout: 10_000 });
      leaving.abort();
      expect(await request).toBe('AbortError');
      await vi.waitFor(async () => expect(await running()).toBe(0), { timeout: 10_000 });
      await slow.untilTold(1);
      expect(slow.told[0]).toMatchObject({ outcome: 'broken', count: { rows: 0 } });
      expect((await slow.post('/export/projects/json', MARCH)).status).toBe(404);
    },
  );

  test('in the middle of its answer, or that takes nothing of it, keeps neither turn nor connection', async () => {
    await store.query(
      `INSERT INTO usage_events (org_id, ts, user_id, model_id)
       SELECT 'beta', toDateTime64('2026-03-03 08:00:00', 6, 'UTC'), 'user ' || number, 'm' FROM numbers(15000)`,
    );
    const body = `Content-Length: ${REQUEST.length}\r\n\r\n${REQUEST}`;
    const bytes = head('POST', '/export/users/json', body).replace(keyOf('acme'), keyOf('beta'));
    const keys = [apiKey('beta')];
    await using hasty = await openWorld(store, { config: { keys, concurrency: 2 }, limits: { stall: 300 } });
    const open = async (): Promise<Socket> => {
      const socket = connect(portOf(hasty), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(bytes);
      await once(socket, 'readable');
      return socket;
    };
    (await open()).destroy();
    const stalled = await Promise.all([1, 2, 3].map(open));
    await vi.waitFor(() => expect(hasty.told.map(({ outcome }) => outcome)).toEqual(Array(4).fill('broken')), {
      timeout: 20_000,
    });
    for (const socket of stalled) socket.destroy();
    const { json } = await hasty.post('/export/users/json', MARCH, { workspace: 'beta' });
    expect(json.metadata.recordCount).toBe(15_050);
  });
});

describe('a store out of reach', () => {
  test('is 503 with words that tell nothing of it, and a server that is not ready', async () => {
    const proxy = await startTcpProxy(store.port);
    await using lost = await openWorld({ url: `http://127.0.0.1:${proxy.port}` });
    await proxy[Symbol.asyncDispose]();
    for (const format of ['csv', 'json']) {
      const { status, json, headers } = await lost.post(`/export/users/${format}`, MARCH);
      expect([status, json.code, headers.get('retry-after')]).toEqual([503, 'SERVICE_UNAVAILABLE', '30']);
      expect(json.message).toBe('The usage store cannot be read at the moment.');
    }
    expect((await lost.get(`${lost.url}/healthz`)).status).toBe(200);
    expect(lost.told.map(({ failure }) => failure)).toMatchObject([
      { code: 'SOURCE_UNREACHABLE' },
      { code: 'SOURCE_UNREACHABLE' },
    ]);
    await vi.waitFor(async () => {
      expect(await lost.get(`${lost.url}/readyz`)).toMatchObject({
        status: 503,
        json: { reasons: ['SOURCE_UNREACHABLE'] },
      });
    });
  });

  test.each([
    ['of no version', 'none'],
    ['without the workspace', 'default'],
  ])('or %s is 503 too', async (_what, database) => {
    await store.query('CREATE DATABASE IF NOT EXISTS none');
    const clickHouse = { ...w.config.clickHouse, database };
    await using other = await openWorld(store, { config: { keys: [apiKey('unknown')], clickHouse } });
    expect((await other.post('/export/users', MARCH, { workspace: 'unknown' })).status).toBe(503);
  });
});
