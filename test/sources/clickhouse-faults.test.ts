import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ExportdError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import { openSources } from '../../src/open-sources.ts';
import { type ClickHouseSourceOptions, openClickHouseSource } from '../../src/sources/clickhouse/index.ts';
import { createPace } from '../../src/sources/pace.ts';
import type { Extract } from '../../src/sources/source.ts';
import { openSpool } from '../../src/staging/spool.ts';
import { initStore } from '../../src/usage-store/migrations.ts';
import { load } from '../config/frame.ts';
import { type ClickHouseServer, startClickHouse } from '../engines/clickhouse.ts';
import { startTcpProxy } from '../engines/tcp-proxy.ts';
import { full } from '../faults/rounds.ts';
import { temporaryFolder } from '../staging/folder.ts';
import { storeClient } from '../usage-store/client.ts';
import { askFor } from './lab.ts';

const PASSWORD = 'a-p4ssw0rd-of-nobody';
const DAY = '2026-11-23';
const EVENTS = 50_000;
/** The user `default`. */
const ALL_RIGHTS = { username: 'default', password: undefined } as const;
const CUTS = full ? 400 : 20;

let server: ClickHouseServer;
beforeAll(async () => {
  server = await startClickHouse({
    profiles: {
      reading: { readonly: 1 },
      leaving: { readonly: 1, cancel_http_readonly_queries_on_client_close: 1 },
    },
    users: {
      reader: { password: PASSWORD, profile: 'reading', grants: ['GRANT SELECT ON store.*'] },
      leaver: {
        password: PASSWORD,
        profile: 'leaving',
        grants: ['GRANT SELECT ON store.*', 'GRANT SELECT ON endless.*'],
      },
      stranger: { password: PASSWORD, profile: 'reading', grants: ['GRANT SELECT ON default.*'] },
    },
  });
  await server.query('CREATE DATABASE store');
  await server.query('CREATE DATABASE empty');
  await initStore(storeClient(server, 'store'));
  await server.query(`INSERT INTO store.workspaces (org_id, name) VALUES ('acme', 'Acme')`);
  await server.query(
    `INSERT INTO store.usage_events (org_id, ts, user_id, model_id)
     SELECT 'acme', toDateTime64('${DAY}', 6, 'UTC') + INTERVAL number MILLISECOND, 'user ' || number, 'm'
     FROM numbers(${EVENTS})`,
  );
  await server.query(`INSERT INTO store.workspaces (org_id, name) VALUES ('few', 'Few')`);
  await server.query(
    `INSERT INTO store.usage_events (org_id, ts, user_id, model_id)
     SELECT 'few', toDateTime64('${DAY}', 6, 'UTC'), 'user ' || number, 'm' FROM numbers(3)`,
  );
  await server.query('CREATE DATABASE endless');
  await server.query('CREATE TABLE endless.times ENGINE = Memory AS SELECT number FROM numbers(10000)');
  await viewsOf('endless', 'CROSS JOIN endless.times WHERE sleepEachRow(0.00001) = 0');
  await server.query('CREATE DATABASE failing');
  await viewsOf('failing', `WHERE throwIf(user_id = 'user 40000', 'user 40000 is no number') = 0`);
});
afterAll(async () => await server[Symbol.asyncDispose]());

type Changes = Partial<ClickHouseSourceOptions>;

async function open(changes: Changes = {}) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const spool = stack.use(await openSpool({ directory: folder.path, limit: 1e9, instance: 'lab/00000001' }));
  const source = stack.use(
    openClickHouseSource({
      name: 'store',
      url: server.url,
      username: 'reader',
      password: new Secret(PASSWORD),
      jwt: undefined,
      database: 'store',
      workspace: 'acme',
      settings: {},
      timeout: 20_000,
      history: undefined,
      pace: createPace({ rate: undefined, concurrency: 4 }),
      clock: Date.now,
      ...changes,
    }),
  );
  const file = stack.use(spool.file('.body'));
  return {
    extract: (signal = new AbortController().signal): Promise<Extract> => source.extract(askFor(DAY), file, signal),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function failure(changes: Changes): Promise<ExportdError> {
  await using source = await open(changes);
  const error = await source.extract().catch((thrown: ExportdError) => thrown);
  expect(error).toMatchObject({ name: 'ExportdError' });
  expect(`${(error as ExportdError).message} ${(error as ExportdError).hint}`).not.toContain(PASSWORD);
  return error as ExportdError;
}

describe('a usage store in ClickHouse', () => {
  test('is read by a user who may read and nothing else', async () => {
    await using source = await open();
    expect(await source.extract()).toMatchObject({ kind: 'body', declaredRows: EVENTS, strict: true });
  });

  test('that does not take the password stops the source, and the password is not shown', async () => {
    const error = await failure({ password: new Secret(`${PASSWORD}x`) });
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', scope: 'source', retryable: false });
    expect(error.message).toContain('516 AUTHENTICATION_FAILED');
  });

  test('that does not let the user read says so, with the table', async () => {
    const error = await failure({ username: 'stranger' });
    expect(error).toMatchObject({ code: 'FORBIDDEN', scope: 'source', retryable: false });
    expect(error.message).toMatch(/497 ACCESS_DENIED.*store/);
  });

  test('whose read-only user is given settings says which key to take out', async () => {
    const error = await failure({ settings: { max_memory_usage: '1000000000' } });
    expect(error).toMatchObject({ code: 'FORBIDDEN', scope: 'source' });
    expect(error.hint).toContain('`settings`');
  });

  test.each([
    ['has no tables', 'empty', /database has no tables of a usage store/],
    ['is not there', 'nowhere', /81 UNKNOWN_DATABASE/],
  ])('that %s says exportd store init', async (_, database, message) => {
    const error = await failure({ database, ...ALL_RIGHTS });
    expect(error).toMatchObject({ code: 'STORE_OUTDATED', scope: 'source', retryable: false });
    expect(error.message).toMatch(message);
    expect(error.hint).toContain('exportd store init');
  });

  test('that is older than this version reads says exportd store init', async () => {
    await server.query('CREATE DATABASE old');
    await initStore(storeClient(server, 'old'));
    await server.query('TRUNCATE TABLE old.store_versions');
    const error = await failure({ database: 'old', ...ALL_RIGHTS });
    expect(error).toMatchObject({ code: 'STORE_OUTDATED' });
  });

  test('that does not know the workspace says which it was asked for', async () => {
    const error = await failure({ workspace: 'acne' });
    expect(error).toMatchObject({ code: 'WORKSPACE_UNKNOWN', scope: 'source' });
    expect(error.message).toContain('"acne"');
  });

  test('without memory for the query is asked again, and told with its number and name', async () => {
    const settings = { max_memory_usage: '2000000' };
    const error = await failure({ settings, ...ALL_RIGHTS });
    expect(error).toMatchObject({ code: 'SOURCE_ERROR', scope: 'period', retryable: true });
    expect(error.message).toContain('241 MEMORY_LIMIT_EXCEEDED');
  });

  test('where somebody kills the query is asked again', async () => {
    await using source = await open({ database: 'endless', ...ALL_RIGHTS });
    const extract = source.extract().catch((error: unknown) => error);
    await vi.waitFor(async () => expect(await running()).toBe(1), { timeout: 10_000 });
    await server.query(`KILL QUERY WHERE query_id LIKE 'exportd-%' SYNC`);
    expect(await extract).toMatchObject({ code: 'SOURCE_ERROR', retryable: true });
  });

  test.each<[string, Changes]>([
    ['whose user may kill it', ALL_RIGHTS],
    ['that ends what nobody waits for', { username: 'leaver' }],
  ])('%s has nothing left to do once an extract is aborted', async (_, user) => {
    await using source = await open({ database: 'endless', ...user });
    const stop = new AbortController();
    const extract = source.extract(stop.signal).catch((error: unknown) => error);
    await vi.waitFor(async () => expect(await running()).toBe(1), { timeout: 10_000 });
    const reason = new Error('stopped');
    stop.abort(reason);
    expect(await extract).toBe(reason);
    await vi.waitFor(async () => expect(await running()).toBe(0), { timeout: 10_000 });
  });

  test('is not left with a query that took longer than `timeout`', async () => {
    const error = await failure({ database: 'endless', timeout: 500, ...ALL_RIGHTS });
    expect(error).toMatchObject({ code: 'SOURCE_TIMEOUT', scope: 'period', retryable: true });
    await vi.waitFor(async () => expect(await running()).toBe(0), { timeout: 10_000 });
  });

  test('that fails half-way through its rows says so from the start, and quotes none of them (case d15)', async () => {
    const error = await failure({ database: 'failing', ...ALL_RIGHTS });
    expect(error).toMatchObject({ code: 'SOURCE_ERROR', scope: 'period', retryable: true });
    expect(error.message).toContain('395 FUNCTION_THROW_IF_VALUE_IS_NON_ZERO');
    expect(error.message).not.toContain('user 40000');
  });

  test('that goes away in the middle of its answer is asked again', async () => {
    await using proxy = await startTcpProxy(server.port);
    await using source = await open({ url: `http://127.0.0.1:${proxy.port}` });
    proxy.cutAfter(100_000);
    await expect(source.extract()).rejects.toMatchObject({ code: 'BODY_SHORT', retryable: true });
    expect(await source.extract()).toMatchObject({ declaredRows: EVENTS });
  });

  test('whose connection breaks at any byte brings a whole body or an error that may heal', async () => {
    await using proxy = await startTcpProxy(server.port);
    await using source = await open({ url: `http://127.0.0.1:${proxy.port}`, workspace: 'few' });
    const whole = await source.extract();
    if (whole.kind !== 'body') throw new Error('There is no body.');
    // Headers included, and the answers to the store's own questions.
    const most = whole.bytes + 4_000;
    const ends = new Set<string>();
    for (let round = 0; round < CUTS; round += 1) {
      proxy.cutAfter(Math.round((most * round) / CUTS));
      const end = await source.extract().catch((error: ExportdError) => error);
      if (end instanceof Error) expect(end).toMatchObject({ name: 'ExportdError', scope: 'period', retryable: true });
      else expect(end).toMatchObject({ digest: whole.digest, declaredRows: whole.declaredRows });
      ends.add(end instanceof Error ? end.code : end.kind);
    }
    expect([...ends]).toContain('BODY_SHORT');
  });

  test('on one address of localhost is found, and all that were tried are named where it is on none (case c09)', async () => {
    await using source = await open({ url: server.url.replace('127.0.0.1', 'localhost') });
    expect(await source.extract()).toMatchObject({ kind: 'body' });
    await using proxy = await startTcpProxy(server.port);
    const { port } = proxy;
    await proxy[Symbol.asyncDispose]();
    const error = await failure({ url: `http://localhost:${port}` });
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE', retryable: true });
    expect(error.message).toContain(`127.0.0.1:${port} (ECONNREFUSED)`);
  });
});

describe('a server that fails after it said 200 (case d15)', () => {
  const EXCEPTION = '__exception__\r\nCode: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)\r\n';
  const PARQUET_START = `PAR1${'rows '.repeat(200)}`;
  const SUMMARY = { 'x-clickhouse-summary': '{"read_rows":"9","result_rows":"9"}' };

  test.each<[string, RequestListener, object]>([
    [
      'with the exception behind half of the rows, and a cut connection',
      (_, response) => {
        response.writeHead(200, SUMMARY);
        response.write(PARQUET_START + EXCEPTION, () => response.destroy());
      },
      { code: 'BODY_SHORT', retryable: true },
    ],
    [
      'with the exception behind half of the rows, and a proper end',
      (_, response) => response.writeHead(200, SUMMARY).end(PARQUET_START + EXCEPTION),
      { code: 'BODY_SHORT', retryable: true },
    ],
    [
      'with nothing but a header that says so',
      (_, response) => response.writeHead(200, { 'x-clickhouse-exception-code': '159' }).end(),
      { code: 'SOURCE_ERROR', retryable: true, message: expect.stringContaining('159') },
    ],
    [
      'without saying how many rows there are',
      (_, response) => response.writeHead(200).end(`${PARQUET_START}PAR1`),
      { code: 'SOURCE_ERROR', scope: 'source' },
    ],
  ])('%s: nothing of it is taken, and it is never empty', async (_, answer, error) => {
    await using fake = await stub(answer);
    await using source = await open({ url: fake.url });
    await expect(source.extract()).rejects.toMatchObject(error);
  });

  test('with rows of which it counted none: they are counted again when they are staged', async () => {
    const summary = { 'x-clickhouse-summary': '{"read_rows":"9","result_rows":"0"}' };
    const footer = Buffer.from([9, 0, 0, 0]);
    const file = Buffer.concat([Buffer.from(PARQUET_START), Buffer.alloc(9), footer, Buffer.from('PAR1')]);
    await using fake = await stub((_, response) => response.writeHead(200, summary).end(file));
    await using source = await open({ url: fake.url });
    expect(await source.extract()).toMatchObject({ kind: 'body', declaredRows: 0, strict: true });
  });
});

describe('what stands before ClickHouse', () => {
  test.each([502, 504])('and answers %i in its place is asked again, and leaves no query behind', async (status) => {
    let asked: string | null = null;
    await using fake = await stub((request, response) => {
      asked = new URL(request.url ?? '', 'http://stub').searchParams.get('query_id');
      response.writeHead(status, { 'content-type': 'text/html' }).end('<title>Gateway</title>');
    });
    await using source = await open({ url: fake.url });
    await expect(source.extract()).rejects.toMatchObject({ code: 'SOURCE_ERROR', scope: 'period', retryable: true });
    await vi.waitFor(() => expect(fake.killed).toEqual([asked]));
  });

  test('and is no ClickHouse at all stops the source, naming the URL without its query', async () => {
    await using fake = await stub((_, response) => response.writeHead(404).end('<title>Not here</title>'));
    const error = await failure({ url: `${fake.url}/x` });
    expect(error).toMatchObject({ code: 'WRONG_URL', scope: 'source', retryable: false });
    expect(error.message).toBe(`${fake.url}/x answered 404, which is not how ClickHouse answers`);
  });
});

test('two sources of one server and workspace share one pace: the slowest of theirs', async () => {
  let now = 0;
  let most = 0;
  await using fake = await stub((_, response) => {
    now += 1;
    most = Math.max(most, now);
    setImmediate(() => {
      now -= 1;
      response.writeHead(404).end();
    });
  });
  const keys = `type: clickhouse, url: "${fake.url}", workspace: acme`;
  const config = load(
    `version: 1\nsources:\n  store: { ${keys} }\n  twin: { ${keys}, database: other, concurrency: 1 }\n`,
  );
  const openSource = openSources(config, {
    clock: Date.now,
    concurrency: undefined,
    paces: new Map(),
    onSlowed: () => () => undefined,
  });
  await using folder = await temporaryFolder();
  await using spool = await openSpool({ directory: folder.path, limit: 1e9, instance: 'lab/00000001' });
  await using one = await openSource('store');
  await using other = await openSource('twin');
  const never = new AbortController().signal;
  await Promise.allSettled(
    [one, other, one, other].map((source) => source.extract(askFor(DAY), spool.file('.body'), never)),
  );
  expect(most).toBe(1);
});

/** Reports that the server is at work on; not the store's own small questions. */
async function running(): Promise<number> {
  const reports = `query_id LIKE 'exportd-%' AND query LIKE '%FORMAT Parquet'`;
  return Number(await server.query(`SELECT count() FROM system.processes WHERE ${reports}`));
}

/** A store in `database` whose tables are views of the one in `store`; `where` goes for its events. */
async function viewsOf(database: string, where: string): Promise<void> {
  for (const table of ['workspaces', 'users', 'assistants', 'projects', 'api_keys', 'models', 'store_versions']) {
    await server.query(`CREATE VIEW ${database}.${table} AS SELECT * FROM store.${table}`);
  }
  await server.query(`CREATE VIEW ${database}.usage_events AS SELECT usage_events.* FROM store.usage_events ${where}`);
}

/** Answers the store's own questions as the engine does, and the report as `answer` does. */
async function stub(answer: RequestListener) {
  const killed: string[] = [];
  const http = createServer((request, response) => {
    let sql = '';
    request.on('data', (chunk) => {
      sql += chunk;
    });
    request.on('end', () => {
      if (sql.includes('FORMAT Parquet')) return answer(request, response);
      if (sql.startsWith('KILL QUERY'))
        killed.push(new URL(request.url ?? '', 'http://stub').searchParams.get('param_id') ?? '');
      const rows = sql.startsWith('EXISTS')
        ? { result: 1 }
        : { version: 1, user_level_data: true, leaderboards: true, byok: true };
      response.end(`${JSON.stringify(rows)}\n`);
    });
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('The machine gave no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    killed,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}
