import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createPace } from '../../src/sources/pace.ts';
import { startUsageApi } from '../engines/usage-api.ts';
import { askFor, KEY, openLab, serve } from './lab.ts';

const never = new AbortController().signal;
const row = () => [{ user_id: 'u1', messages_total: 1 }];

/** A source whose every POST is answered so. */
async function answered(status: number, body: string | object, headers: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack();
  let count = 0;
  const server = stack.use(
    await serve((request, response) => {
      request.resume();
      count += 1;
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    }),
  );
  const lab = stack.use(await openLab(`${server.url}/api/public`));
  return {
    lab,
    url: server.url,
    count: () => count,
    outcome: () => lab.extract('2026-11-23').catch((error: unknown) => error),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

describe('a request', () => {
  test('goes to the route of its report and format, below a base_url with a path', async () => {
    await using api = await startUsageApi({ prefix: '/api/public', keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    for (const format of ['csv', 'json'] as const) {
      await using lab = await openLab(`${api.url}/`, { format });
      await using file = lab.file();
      await lab.source.extract(askFor('2026-11-23', { dataType: 'agents', groupBy: 'model' }), file, never);
    }
    const posts = api.requests.filter(({ method }) => method === 'POST');
    expect(posts.map(({ path }) => path)).toEqual(['/api/public/export/agents/csv', '/api/public/export/agents/json']);
    expect(posts[0]?.headers).toMatchObject({ authorization: `Bearer ${KEY}`, 'content-type': 'application/json' });
    expect(posts[0]?.body).toEqual({
      from: { date: '2026-11-23T00:00:00.000Z', timezone: 'UTC' },
      to: { date: '2026-11-23T23:59:59.999Z', timezone: 'UTC' },
      group_by: 'model',
    });
  });

  test('leaves group_by out where there is none', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    await using lab = await openLab(api.url);
    await lab.extract('2026-11-23');
    expect(api.requests[0]?.body).not.toHaveProperty('group_by');
  });

  test('never leaves where its period reaches past what the source keeps', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    await using lab = await openLab(api.url, {
      history: { amount: 7, unit: 'day' },
      clock: () => Date.parse('2026-11-25T12:00:00Z'),
    });
    await lab.extract('2026-11-19');
    api.requests.length = 0;
    await expect(lab.extract('2026-11-18')).rejects.toMatchObject({
      code: 'RETENTION_PASSED',
      scope: 'period',
      retryable: false,
      message: expect.stringContaining('acme/users/2026-11-18/2026-11-19@UTC'),
    });
    expect(api.requests).toEqual([]);
  });

  test('asks the clock for the retention edge when it leaves, not when it began to wait', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    const pace = createPace({ rate: undefined, concurrency: 1 });
    let now = Date.parse('2026-11-25T12:00:00Z');
    await using lab = await openLab(api.url, { history: { amount: 7, unit: 'day' }, clock: () => now, pace });
    const busy = await pace.turn('awaited', never);
    const waiting = lab.extract('2026-11-19').catch((error: unknown) => error);
    now = Date.parse('2026-11-26T00:00:00Z');
    busy[Symbol.dispose]();
    expect(await waiting).toMatchObject({ code: 'RETENTION_PASSED' });
  });
});

describe('a request that is not to begin any more', () => {
  test('gives up its place in the queue', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    const pace = createPace({ rate: undefined, concurrency: 1 });
    await using lab = await openLab(api.url, { pace });
    await using file = lab.file();
    using _busy = await pace.turn('awaited', never);
    const drain = new AbortController();
    const waiting = lab.source.extract(askFor('2026-11-23'), file, never, drain.signal);
    drain.abort(new Error('draining'));
    await expect(waiting).rejects.toThrow('draining');
    expect(api.requests).toEqual([]);
  });

  test('goes on where it is under way', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    await using lab = await openLab(api.url);
    await using file = lab.file();
    const held = api.fault({ kind: 'hang' });
    const drain = new AbortController();
    const underWay = lab.source.extract(askFor('2026-11-23'), file, never, drain.signal);
    await api.seen(({ kind }) => kind === 'export');
    drain.abort(new Error('draining'));
    held.lift();
    expect(await underWay).toMatchObject({ kind: 'body' });
  });
});

describe('an answer of the export route', () => {
  test('that says NOT_FOUND is a period without usage', async () => {
    await using source = await answered(404, {
      message: 'No usage data found for the selected period',
      code: 'NOT_FOUND',
    });
    expect(await source.outcome()).toMatchObject({ kind: 'nothing', ask: { report: { dataType: 'users' } } });
  });

  test.each([
    ['another 404', { message: 'x', code: 'NO_SUCH_WORKSPACE' }],
    ["a proxy's page", '<html><title>404 Not Found</title></html>'],
    ['NOT_FOUND deeper down', { error: { code: 'NOT_FOUND' } }],
    ['a router without that route', { message: 'Cannot POST /api/public/export/users/csv', code: 'NOT_FOUND' }],
    ['nothing', ''],
  ])('that is %s means a wrong base_url, and names it', async (_what, body) => {
    await using source = await answered(404, body);
    expect(await source.outcome()).toMatchObject({
      code: 'WRONG_URL',
      scope: 'source',
      retryable: false,
      message: expect.stringContaining(`${source.url}/api/public/export/users/csv answered 404`),
      hint: expect.stringContaining('base_url'),
    });
  });

  test.each([301, 302, 303, 307, 308])(
    'that redirects with %i is never followed, and both URLs are named without their queries (case c02)',
    async (status) => {
      const seen: string[] = [];
      await using target = await serve((request, response) => {
        seen.push(`${request.method} ${request.url}`);
        response.writeHead(404).end('{"message":"Cannot GET /export/users/csv","code":"NOT_FOUND"}');
      });
      await using source = await answered(status, '', { location: `${target.url}/export/users/csv?token=abc` });
      const error = await source.outcome();
      expect(error).toMatchObject({ code: 'REDIRECTED', scope: 'source', retryable: false });
      expect(String(error)).toContain(`${source.url}/api/public/export/users/csv answered ${status}`);
      expect(String(error)).toContain(`${target.url}/export/users/csv`);
      expect(String(error)).not.toContain('token');
      expect(seen).toEqual([]);
    },
  );

  test.each([
    [
      400,
      { message: 'group_by=deployment is not supported for users exports', code: 'BAD_REQUEST' },
      'BAD_REQUEST',
      'period',
      false,
    ],
    [400, { message: 'Too many rows', code: 'USAGE_EXPORT_TOO_LARGE' }, 'USAGE_EXPORT_TOO_LARGE', 'period', false],
    [401, { message: 'The provided API key is invalid.' }, 'UNAUTHORIZED', 'source', false],
    [403, { message: 'Missing scope', code: 'FORBIDDEN' }, 'FORBIDDEN', 'source', false],
    [405, '', 'WRONG_URL', 'source', false],
    [408, '', 'SOURCE_TIMEOUT', 'period', true],
    [422, { message: 'no' }, 'BAD_REQUEST', 'period', false],
    [500, { message: 'Internal server error' }, 'SOURCE_ERROR', 'period', true],
    [503, 'upstream connect error', 'SOURCE_ERROR', 'period', true],
    [200, 'OK', 'BODY_MALFORMED', 'period', true],
    [200, { success: true, data: {} }, 'BODY_MALFORMED', 'period', true],
    [
      200,
      { success: true, data: { downloadUrl: 'http://127.0.0.1:1/x', recordCount: 1.5 } },
      'BODY_MALFORMED',
      'period',
      true,
    ],
    [200, { success: false, message: 'try later' }, 'SOURCE_ERROR', 'period', true],
  ])('%i %j is %s and stops its %s', async (status, body, code, scope, retryable) => {
    await using source = await answered(status, body);
    const error = await source.outcome();
    expect(error).toMatchObject({ code, scope, retryable });
    if (typeof body === 'object' && 'message' in body) expect(String(error)).toContain(body.message);
    expect(source.count()).toBe(1);
  });

  test('that is too large says what to do', async () => {
    await using source = await answered(400, { message: 'x', code: 'USAGE_EXPORT_TOO_LARGE' });
    expect(await source.outcome()).toMatchObject({ hint: expect.stringContaining('smaller grain') });
  });

  test('that is a page of HTML shows its status and URL, and of the page its title at most (case c07)', async () => {
    const page = `<!doctype html>\n<html><head><title>502 Bad Gateway</title></head><body>${'<p>x</p>'.repeat(2000)}</body></html>`;
    await using source = await answered(502, page, { 'content-type': 'text/html' });
    expect(await source.outcome()).toMatchObject({
      code: 'SOURCE_ERROR',
      message: `${source.url}/api/public/export/users/csv answered 502: 502 Bad Gateway`,
    });
  });

  test('that goes on and on shows a short start', async () => {
    await using source = await answered(500, `down\u001b[31m\n\n${'x'.repeat(1e6)}`);
    const error = await source.outcome();
    expect(error).toMatchObject({ code: 'SOURCE_ERROR' });
    expect(String(error).length).toBeLessThan(400);
    expect(String(error)).not.toContain('\u001b');
  });

  test('that echoes the key does not get it into a message', async () => {
    await using source = await answered(401, { message: `The API key ${KEY} is invalid.` });
    const error = await source.outcome();
    expect(String(error)).toContain('The API key [secret] is invalid.');
    expect(inspect(error, { depth: 9 })).not.toContain(KEY);
  });

  test('that asks for a wait with a 503 is heard', async () => {
    await using source = await answered(503, '', { 'retry-after': '7' });
    expect(await source.outcome()).toMatchObject({ code: 'SOURCE_ERROR', retryAfter: 7000 });
  });
});

describe('a 429', () => {
  test('may be tried again, says for how long the source is braked, and brakes its neighbours', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    const now = Date.parse('2026-11-25T12:00:00Z');
    await using lab = await openLab(api.url, { clock: () => now });
    api.fault({ kind: 'rate-limited', retryAfter: '1' });
    await expect(lab.extract('2026-11-23')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      scope: 'period',
      retryable: true,
      retryAfter: 1000,
    });
    expect(lab.slowed).toEqual([{ until: now + 1000, code: 'RATE_LIMITED' }]);
    const before = performance.now();
    await lab.extract('2026-11-22');
    expect(performance.now() - before).toBeGreaterThan(950);
  });

  test('holds back a neighbour that was let go and is not on the wire yet: it asks again after the wait', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    const pace = createPace({ rate: undefined, concurrency: 2 });
    let refused = false;
    // The very first turn is taken here; its 429 comes in while the source's own request connects.
    const first = await pace.turn('awaited', never);
    first.leaves();
    await using lab = await openLab(api.url, {
      pace: {
        async turn(urgency, signal) {
          const turn = await pace.turn(urgency, signal);
          if (!refused) {
            refused = true;
            first.slowed(300);
            first[Symbol.dispose]();
          }
          return turn;
        },
      },
    });
    const before = performance.now();
    expect(await lab.extract('2026-11-23')).toMatchObject({ kind: 'body' });
    expect(performance.now() - before).toBeGreaterThan(290);
    expect(api.requests.filter(({ kind }) => kind === 'export')).toHaveLength(1);
  });

  test('that asks for more than 15 minutes ends what is in hand: the next tick asks again', async () => {
    await using api = await startUsageApi({ keys: { [KEY]: ['USAGE_EXPORT_API'] }, rows: row });
    await using lab = await openLab(api.url);
    api.fault({ kind: 'rate-limited', retryAfter: '3600' });
    await expect(lab.extract('2026-11-23')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      scope: 'source',
      retryable: false,
      retryAfter: 3_600_000,
    });
    await lab.extract('2026-11-23');
  });
});
