import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { App, Planning } from '../../src/app.ts';
import type { Wish } from '../../src/core/plan.ts';
import { openDaemon } from '../../src/daemon/daemon.ts';
import { openSays } from '../../src/daemon/says.ts';
import { createRedact } from '../../src/redact.ts';
import { BY_NINE, Life, locked, shrunk, someConfig, unreachable } from '../daemon/life.ts';

const TOKEN = 'the-token-of-the-daemon';
const AT_ANY_PORT = 'listen: "127.0.0.1:0"';
const bearer = { authorization: `Bearer ${TOKEN}` };
const basic = { authorization: `Basic ${Buffer.from(`anybody:${TOKEN}`).toString('base64')}` };

/** A daemon's pages on a port of their own, and what was asked of it. */
async function pagesOf(
  options: { readonly token?: boolean; readonly names?: readonly string[]; readonly job?: string } = {},
) {
  const { token = false, names = ['j'], job = '' } = options;
  const daemon = `daemon: { ${AT_ANY_PORT}${token ? `, token: ${TOKEN}` : ''} }\n`;
  const config = someConfig(names, job, daemon);
  const asked: [string, Wish][] = [];
  const said: string[] = [];
  const say = (_fields: object, text: string) => said.push(text);
  let life: Life | undefined;
  const says = await openSays({
    config,
    clock: () => life?.now ?? 0,
    log: { info: say, warn: say },
    redact: createRedact(config.secrets()),
    requestRun(name, wish) {
      asked.push([name, wish]);
      return 'queued';
    },
  });
  life = new Life(says.tell, '2026-11-24T06:00:00Z', config);
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${says.url}${path}`, { redirect: 'manual', ...init });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined, headers: response.headers };
  };
  const post = (path: string, body: unknown, headers: Record<string, string> = bearer) =>
    ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  return { says, life, ask, post, asked, said, [Symbol.asyncDispose]: () => says[Symbol.asyncDispose]() };
}

describe('pages', () => {
  test('say that the process is alive, and whether and why it is not ready', async () => {
    await using pages = await pagesOf();
    expect(await pages.ask('/healthz')).toMatchObject({ status: 200, json: { status: 'ok' } });
    expect(await pages.ask('/readyz')).toMatchObject({ status: 200, json: { ready: true, reasons: [] } });
    pages.life.unplanned('j', locked);
    expect(await pages.ask('/readyz')).toMatchObject({
      status: 503,
      json: {
        ready: false,
        reasons: [{ what: 'destination', name: 'local', message: 'another process holds the file' }],
        config: { version: '0123456789ab', loaded_at: '2026-11-24T06:00:00.000Z', problems: [] },
        destinations: { local: { up: false, error: { code: 'DUCKDB_LOCKED' } } },
      },
    });
    expect((await pages.ask('/healthz')).status).toBe(200);
  });

  test('list jobs as `exportd status` does, with what they do and their newest run', async () => {
    await using pages = await pagesOf({ names: ['j', 'k'] });
    pages.life.tick('j', ({ date }) => (date === '2026-11-20' ? unreachable : 60));
    pages.life.tell({
      type: 'orphans',
      destination: 'local',
      orphans: [{ destination: 'local', table: 'old', job: 'gone', lastLoad: 0 }],
    });
    const { json, headers } = await pages.ask('/api/jobs');
    expect(json.now).toBe('2026-11-24T06:00:00.000Z');
    expect(json.jobs).toMatchObject([
      {
        job: 'j',
        state: 'failing',
        newest_closed: '2026-11-23',
        missing: 1,
        failed: 1,
        activity: 'idle',
        planned_at: '2026-11-24T06:00:00.000Z',
        last_run: { run_id: 'run-1', requests: 4, row_count: 180, outcomes: { loaded: 3, failed: 1 } },
      },
      { job: 'k', state: 'unknown', missing: null, last_run: null, orphaned: false },
      { job: 'gone', table: 'old', state: 'orphaned', orphaned: true, last_load: '1970-01-01T00:00:00.000Z' },
    ]);
    expect(json.jobs[0].next_ticks).toHaveLength(5);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test("list a job's periods, and the newest runs", async () => {
    await using pages = await pagesOf();
    expect((await pages.ask('/api/jobs/j/periods')).json).toEqual({ job: 'j', known: false, periods: [] });
    pages.life
      .tick('j')
      .at('2026-11-25T06:00:00Z')
      .tick('j', () => shrunk);
    const { periods } = (await pages.ask('/api/jobs/j/periods')).json;
    expect(periods).toHaveLength(5);
    expect(periods[0]).toEqual({
      period_key: 'acme/users/2026-11-20/2026-11-21@UTC',
      source: 'acme',
      period_date: '2026-11-20',
      period_start: '2026-11-20T00:00:00.000Z',
      period_end: '2026-11-21T00:00:00.000Z',
      outcome: 'loaded',
      closed: true,
      settled: true,
      row_count: 60,
      extracted_at: '2026-11-24T06:00:00.000Z',
      held: null,
      failed: null,
    });
    expect(periods[4]).toMatchObject({ outcome: null, held: { error_code: 'SHRUNK' } });
    const { runs } = (await pages.ask('/api/runs')).json;
    expect(runs.map((run: { run_id: string }) => run.run_id)).toEqual(['run-2', 'run-1']);
    expect((await pages.ask('/api/jobs/nobody/periods')).status).toBe(404);
    expect(await pages.ask('/')).toMatchObject({ status: 404, json: { error: { code: 'USAGE' } } });
  });

  test('ask no warehouse for anything, nor does freshness', async () => {
    const calls: string[] = [];
    const nothing: Planning = { now: 0, plans: [], unplanned: [], orphans: [], states: new Map() };
    const app: App = {
      plan: async (jobs) => {
        calls.push('plan');
        return { ...nothing, unplanned: jobs.map((job) => ({ job, error: locked })) };
      },
      initStore: () => Promise.reject(new Error('nobody asked')),
      carryOut: () => Promise.reject(new Error('nothing is due')),
      preview: () => Promise.reject(new Error('nobody asked')),
      examine: () => {
        throw new Error('nobody asked');
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
    const config = someConfig(['j'], `${BY_NINE}, on_start: wait`, `daemon: { ${AT_ANY_PORT}, token: ${TOKEN} }\n`);
    let now = Date.parse('2026-11-24T06:30:00Z');
    const clock = () => now;
    const say = () => undefined;
    let request: (name: string, wish: Wish) => 'queued' | 'running' = () => 'queued';
    await using says = await openSays({
      config,
      clock,
      log: { info: say, warn: say },
      redact: (text) => text,
      requestRun: (name, wish) => request(name, wish),
    });
    const reread = () => undefined;
    const daemon = await openDaemon({
      initial: config,
      reread,
      open: async () => app,
      clock,
      tell: says.tell,
      failed: (cause) => {
        throw cause;
      },
      random: () => 0,
    });
    request = daemon.requestRun;
    for (; now < Date.parse('2026-11-25T05:59:00Z'); now += 3_600_000) {
      await daemon.look();
      for (const path of ['/healthz', '/readyz', '/metrics', '/api/jobs', '/api/jobs/j/periods', '/api/runs']) {
        expect((await fetch(`${says.url}${path}`, { headers: bearer })).status).toBe(200);
      }
    }
    expect(calls).toEqual([]);
    const { status } = await fetch(`${says.url}/api/jobs/j/run`, { method: 'POST', headers: bearer });
    await daemon.idle();
    expect([status, calls]).toEqual([202, ['plan']]);
    await daemon.stop();
  });
});

describe('a person may', () => {
  test('run a job and fill its history, as the commands do', async () => {
    await using pages = await pagesOf({ token: true });
    const { post, asked } = pages;
    expect(await pages.ask('/api/jobs/j/run', { method: 'POST', headers: bearer })).toMatchObject({
      status: 202,
      json: { job: 'j', status: 'queued' },
    });
    await post('/api/jobs/j/run', { from: '2026-11-01', to: '2026-11-02', accept_held: true });
    await post('/api/jobs/j/backfill', { from: '2026-01-01', which: 'failed' });
    await post('/api/jobs/j/backfill', {});
    const dates = { from: undefined, to: undefined };
    expect(asked).toEqual([
      ['j', { kind: 'run', ...dates, acceptHeld: false }],
      ['j', { kind: 'run', from: '2026-11-01', to: '2026-11-02', acceptHeld: true }],
      ['j', { kind: 'backfill', from: '2026-01-01', to: undefined, which: 'failed' }],
      ['j', { kind: 'backfill', ...dates, which: 'missing' }],
    ]);
  });

  test.each([
    ['a date that is none', { from: '2026-02-30' }, 'from: a date'],
    ['dates the wrong way round', { from: '2026-02-02', to: '2026-02-01' }, 'from is after to'],
    ['a field that is none', { since: '2026-02-02' }, 'fields are from, to'],
    ['a list', [1], 'the body is a JSON object'],
    ['another kind', { which: 'some' }, 'which: one of missing'],
  ])('not ask with %s', async (_what, body, message) => {
    await using pages = await pagesOf({ token: true });
    const { status, json } = await pages.post('/api/jobs/j/backfill', body);
    expect([status, json.error.code, json.error.message]).toEqual([400, 'USAGE', expect.stringContaining(message)]);
    expect(pages.asked).toEqual([]);
  });

  test('not ask for a job that is none, with a body that is broken or huge, nor while the daemon stops', async () => {
    await using pages = await pagesOf({ token: true });
    const { ask, post } = pages;
    const sent = (body: string, type = 'application/json') =>
      ask('/api/jobs/j/run', { method: 'POST', body, headers: { ...bearer, 'content-type': type } });
    expect((await post('/api/jobs/nobody/run', {})).status).toBe(404);
    const broken = await sent('{"ada@example.com');
    expect([broken.status, broken.text.includes('ada')]).toEqual([400, false]);
    expect((await sent(`"${'x'.repeat(20_000)}"`)).status).toBe(413);
    expect((await sent('{}', 'text/plain')).status).toBe(415);
    pages.life.tell({ type: 'stopping' });
    expect((await post('/api/jobs/j/run', {})).status).toBe(503);
    expect(pages.asked).toEqual([]);
  });
});

describe('nobody else may', () => {
  test('change anything where no token is set', async () => {
    await using pages = await pagesOf();
    expect(await pages.post('/api/jobs/j/run', {})).toMatchObject({
      status: 403,
      json: { error: { message: 'set daemon.token to allow this' } },
    });
    expect(pages.asked).toEqual([]);
  });

  test.each([
    ['no token', {}],
    ['another', { authorization: 'Bearer the-token-of-nobody' }],
    ['its beginning', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ['none of a kind', { authorization: TOKEN }],
    ['the one that browsers send by themselves', basic],
  ])('change anything with %s', async (_what, headers) => {
    await using pages = await pagesOf({ token: true });
    const {
      status,
      headers: answered,
      text,
    } = await pages.post('/api/jobs/j/run', {}, { authorization: '', ...headers });
    expect([status, answered.get('www-authenticate')]).toEqual([401, 'Bearer realm="exportd"']);
    expect(text).not.toContain(TOKEN);
    expect(pages.asked).toEqual([]);
  });

  test.each([
    ['another site', { origin: 'https://evil.example' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['nowhere', { origin: 'null' }],
    ['another site, as browsers say', { 'sec-fetch-site': 'cross-site' }],
  ])('change anything from the page of %s, not even with the token', async (_what, headers) => {
    await using pages = await pagesOf({ token: true });
    expect((await pages.post('/api/jobs/j/run', {}, { ...bearer, ...headers })).status).toBe(403);
    const preflight = await pages.ask('/api/jobs/j/run', { method: 'OPTIONS', headers });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    expect(pages.asked).toEqual([]);
  });

  test('see more than a yes or no where a token is set', async () => {
    await using pages = await pagesOf({ token: true });
    pages.life.unplanned('j', locked);
    expect(await pages.ask('/healthz')).toMatchObject({ status: 200 });
    expect(await pages.ask('/readyz')).toMatchObject({ status: 503, json: { ready: false } });
    expect((await pages.ask('/readyz')).text).toBe('{"ready":false}');
    for (const path of ['/metrics', '/api/jobs', '/api/jobs/j/periods', '/api/runs', '/anything', '//healthz']) {
      expect((await pages.ask(path)).status).toBe(401);
      expect((await pages.ask(path, { headers: bearer })).status).not.toBe(401);
      expect((await pages.ask(path, { headers: basic })).status).not.toBe(401);
    }
    expect((await pages.ask('/readyz', { headers: bearer })).json.reasons).toHaveLength(1);
  });

  test('read them under a name that was pointed at this machine', async () => {
    await using pages = await pagesOf();
    const { says } = pages;
    const { port } = new URL(says.url ?? '');
    const { request } = await import('node:http');
    const statusAs = (host: string) =>
      new Promise((resolve, reject) => {
        request({ port, host: '127.0.0.1', path: '/api/jobs', headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await statusAs(`evil.example:${port}`)).toBe(403);
    expect(await statusAs(`localhost:${port}`)).toBe(200);
    expect(await statusAs(`127.0.0.1:${port}`)).toBe(200);
  });

  test('keep the old token once a new config has another', async () => {
    await using pages = await pagesOf({ token: true });
    pages.life.load(someConfig(['j'], '', `daemon: { ${AT_ANY_PORT}, token: another-token }\n`));
    expect((await pages.ask('/api/jobs', { headers: bearer })).status).toBe(401);
    expect((await pages.ask('/api/jobs', { headers: { authorization: 'Bearer another-token' } })).status).toBe(200);
  });
});

test('a port in use ends the start with a clear error', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const config = someConfig(['j'], '', `daemon: { listen: "127.0.0.1:${port}" }\n`);
  const log = { info: () => undefined, warn: () => undefined };
  const opening = openSays({ config, clock: () => 0, log, redact: (text) => text, requestRun: () => 'queued' });
  await expect(opening).rejects.toMatchObject({
    code: 'NOT_POSSIBLE',
    message: `cannot listen on 127.0.0.1:${port}: another process listens there`,
    at: ['daemon', 'listen'],
  });
  other.close();
});

test('no page at all where listen is null', async () => {
  const config = someConfig(['j'], '', 'daemon: { listen: null }\n');
  const log = { info: () => undefined, warn: () => undefined };
  await using says = await openSays({
    config,
    clock: () => 0,
    log,
    redact: (text) => text,
    requestRun: () => 'queued',
  });
  expect(says.url).toBeUndefined();
});
