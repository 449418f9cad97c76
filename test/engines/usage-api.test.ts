import { get } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { spawnUsageApi } from './spawn-usage-api.ts';
import { exact, type Fault, startUsageApi, type UsageApi, type UsageApiOptions } from './usage-api.ts';

const DAY = { from: '2024-01-01T00:00:00.000Z', to: '2024-01-01T23:59:59.999Z', timezone: 'UTC' };
const THREE_ROWS: UsageApiOptions = {
  historyMonths: null,
  rows: () => [
    { user_id: 'u1', messages_total: 1 },
    { user_id: 'u2', messages_total: 2 },
    { user_id: 'u3', messages_total: 3 },
  ],
};

function ask(
  api: { url: string },
  {
    path = '/export/users/csv',
    key = 'k',
    body = {
      from: { date: DAY.from, timezone: DAY.timezone },
      to: { date: DAY.to, timezone: DAY.timezone },
    } as object,
    headers = {} as Record<string, string>,
  } = {},
): Promise<Response> {
  return fetch(api.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

const between = (from: string, to: string, timezone = 'UTC', more: object = {}) => ({
  body: { from: { date: from, timezone }, to: { date: to, timezone }, ...more },
});

const csvAnswer = async (response: Response) => ((await response.json()) as { data: Record<string, unknown> }).data;

async function download(api: UsageApi, options: Parameters<typeof ask>[1] = {}): Promise<string> {
  const { downloadUrl } = await csvAnswer(await ask(api, options));
  return (await fetch(String(downloadUrl))).text();
}

/** The body as it travels; fetch would decode it, and take a cut gzip stream for a whole one. */
function bytesOf(url: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get(url, async (response) => resolve(Buffer.concat(await response.toArray()))).on('error', reject);
  });
}

describe('the export routes', () => {
  test('answer CSV as the introduction shows it, also without a format', async () => {
    await using api = await startUsageApi(THREE_ROWS);
    const body = {
      from: { date: '2024-01-01T00:00:00.000', timezone: 'Europe/Berlin' },
      to: { date: '2024-01-31T23:59:59.999', timezone: 'UTC' },
    };
    for (const path of ['/export/assistants', '/export/assistants/csv']) {
      const answer = (await (await ask(api, { path, body })).json()) as { success: boolean };
      expect(answer).toEqual({
        success: true,
        data: {
          filePath: expect.stringMatching(
            /^assistants-usage\/ws-1\/assistants-usage-2024-01-01-2024-01-31-[0-9a-f]{8}\.csv$/,
          ),
          downloadUrl: expect.stringMatching(/^http:/),
          dataType: 'assistants',
          recordCount: 3,
          dateRange: { from: '2024-01-01T00:00:00.000+01:00', to: '2024-01-31T23:59:59.999' },
        },
      });
    }
  });

  test('answer JSON with the rows in it', async () => {
    await using api = await startUsageApi(THREE_ROWS);
    const answer = (await (await ask(api, { path: '/export/users/json' })).json()) as { data: unknown[] };
    expect(answer).toMatchObject({
      success: true,
      metadata: {
        dataType: 'users',
        recordCount: 3,
        dateRange: { from: '2024-01-01T00:00:00.000Z', to: '2024-01-01T23:59:59.999Z' },
      },
    });
    expect(answer.data[0]).toEqual({
      period_start: '2024-01-01',
      period_end: '2024-01-01',
      org_id: 'ws-1',
      user_id: 'u1',
      messages_total: 1,
    });
  });

  test('take agents and assistants for the same data', async () => {
    const asked: string[] = [];
    await using api = await startUsageApi({
      historyMonths: null,
      rows: ({ dataType }) => {
        asked.push(dataType);
        return [];
      },
    });
    await ask(api, { path: '/export/agents' });
    await ask(api, { path: '/export/assistants' });
    expect(asked).toEqual(['agents', 'agents']);
  });

  test('hand the bounds over as instants, whatever the zones', async () => {
    const asked: number[][] = [];
    await using api = await startUsageApi({
      historyMonths: null,
      rows: ({ start, end }) => {
        asked.push([start, end]);
        return [];
      },
    });
    await ask(api, between('2024-03-31T00:00:00.000Z', '2024-03-31T23:59:59.999Z', 'Europe/Berlin'));
    expect(asked).toEqual([[Date.parse('2024-03-30T23:00:00Z'), Date.parse('2024-03-31T22:00:00Z')]]);
  });

  test('answer NOT_FOUND where there is no usage', async () => {
    await using api = await startUsageApi({ rows: () => undefined });
    const response = await ask(api);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      message: 'No usage data found for the selected period',
      code: 'NOT_FOUND',
    });
  });

  test('do not know usage older than a year', async () => {
    const starts: string[] = [];
    await using api = await startUsageApi({
      now: () => Date.parse('2026-11-25T12:00:00Z'),
      rows: ({ start }) => {
        starts.push(new Date(start).toISOString());
        return [];
      },
    });
    expect((await ask(api, between('2025-11-24T00:00:00.000Z', '2025-11-24T23:59:59.999Z'))).status).toBe(404);
    expect((await ask(api, between('2025-11-25T00:00:00.000Z', '2025-11-25T23:59:59.999Z'))).status).toBe(200);
    expect(starts).toEqual(['2025-11-25T12:00:00.000Z']);
  });

  test('live under a prefix where the deployment has one', async () => {
    await using api = await startUsageApi({ ...THREE_ROWS, prefix: '/api/public' });
    expect(api.url).toMatch(/\/api\/public$/);
    expect((await ask(api)).status).toBe(200);
    expect((await fetch(new URL('/export/users/csv', api.url), { method: 'POST' })).status).toBe(404);
  });
});

describe('a request is refused', () => {
  const refused: readonly [string, Parameters<typeof ask>[1], number, (string | undefined)?, string?][] = [
    ['for a wrong key', { key: 'wrong' }, 401, 'The provided API key is invalid.'],
    ['for a key without the scope', { key: 'chat' }, 403, undefined, 'FORBIDDEN'],
    ['from a browser', { headers: { origin: 'https://example.com' } }, 403, undefined, 'FORBIDDEN'],
    [
      'for a grouping that the data type has not',
      between(DAY.from, DAY.to, 'UTC', { group_by: 'deployment' }),
      400,
      'group_by=deployment is not supported for users exports',
      'BAD_REQUEST',
    ],
    ['for an offset in a date', between('2024-01-01T00:00:00.000+00:00', DAY.to), 400, undefined, 'BAD_REQUEST'],
    ['for a day that no calendar has', between('2024-02-30T00:00:00.000', DAY.to), 400, undefined, 'BAD_REQUEST'],
    ['for an unknown timezone', between(DAY.from, DAY.to, 'Mars/Olympus'), 400, undefined, 'BAD_REQUEST'],
    ['for an offset as timezone', between(DAY.from, DAY.to, '+01:00'), 400, undefined, 'BAD_REQUEST'],
    ['for from after to', between(DAY.to, DAY.from), 400, undefined, 'BAD_REQUEST'],
    ['for a body that is no object', { body: [] }, 400, undefined, 'BAD_REQUEST'],
    ['for a route that is not there', { path: '/export/teams' }, 404, 'Cannot POST /export/teams'],
  ];
  test.each(refused)('%s', async (_why, options, status, message, code) => {
    await using api = await startUsageApi({ ...THREE_ROWS, keys: { k: ['USAGE_EXPORT_API'], chat: ['CHAT'] } });
    const response = await ask(api, options);
    expect(response.status).toBe(status);
    const body = (await response.json()) as { message: string; code?: string };
    if (message !== undefined) expect(body.message).toBe(message);
    expect(body.code).toBe(code);
  });

  test('for deployment, unless the workspace brings its own keys', async () => {
    const options = { path: '/export/models', ...between(DAY.from, DAY.to, 'UTC', { group_by: 'deployment' }) };
    await using plain = await startUsageApi(THREE_ROWS);
    await using byok = await startUsageApi({ ...THREE_ROWS, byok: true });
    expect((await ask(plain, options)).status).toBe(400);
    expect((await ask(byok, options)).status).toBe(200);
  });

  test('for a date without Z, where the version wants one', async () => {
    await using api = await startUsageApi({ ...THREE_ROWS, needsZ: true });
    expect((await ask(api, between('2024-01-01T00:00:00.000', '2024-01-01T23:59:59.999'))).status).toBe(400);
    expect((await ask(api)).status).toBe(200);
  });

  test('above the rate limit, with the seconds to wait', async () => {
    await using api = await startUsageApi({ ...THREE_ROWS, rateLimit: 2 });
    expect([(await ask(api)).status, (await ask(api)).status]).toEqual([200, 200]);
    const third = await ask(api);
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(50);
  });
});

describe('rows travel exactly', () => {
  const rows = () => [
    {
      user_id: '007',
      name: 'say "hi",\nZoë 🚀',
      department: '',
      role: null,
      cost: exact('0.30000000000000004'),
      tokens: 9007199254740993n,
      models: { b: 1, a: exact('1.50') },
    },
  ];

  test('as CSV', async () => {
    await using api = await startUsageApi({ historyMonths: null, rows });
    expect(await download(api)).toBe(
      'period_start,period_end,org_id,user_id,name,department,role,cost,tokens,models\r\n' +
        '2024-01-01,2024-01-01,ws-1,007,"say ""hi"",\nZoë 🚀","",,0.30000000000000004,9007199254740993,"{""b"":1,""a"":1.50}"\r\n',
    );
  });

  test('as JSON', async () => {
    await using api = await startUsageApi({ historyMonths: null, rows });
    const text = await (await ask(api, { path: '/export/users/json' })).text();
    expect(text).toContain(
      '"department":"","role":null,"cost":0.30000000000000004,"tokens":9007199254740993,"models":{"b":1,"a":1.50}',
    );
  });

  test('as raw bytes where a test brings them', async () => {
    const bytes = Buffer.from('user_id,name\nu1,a\0b\n');
    await using api = await startUsageApi({ historyMonths: null, body: () => ({ bytes, recordCount: 1 }) });
    expect(await download(api)).toBe('user_id,name\nu1,a\0b\n');
  });
});

describe('a download', () => {
  test('may come from another host, which refuses the API key', async () => {
    await using api = await startUsageApi({ ...THREE_ROWS, storageHost: '127.0.0.2' });
    const { downloadUrl } = await csvAnswer(await ask(api));
    expect(new URL(String(downloadUrl)).hostname).toBe('127.0.0.2');
    expect((await fetch(String(downloadUrl))).status).toBe(200);
    expect((await fetch(String(downloadUrl), { headers: { authorization: 'Bearer k' } })).status).toBe(400);
  });

  test('needs the signature, and its URL expires', async () => {
    await using api = await startUsageApi({ ...THREE_ROWS, urlTtl: 0 });
    const { downloadUrl } = await csvAnswer(await ask(api));
    const expired = await fetch(String(downloadUrl));
    expect([expired.status, await expired.text()]).toEqual([403, expect.stringContaining('Request has expired')]);
    const forged = await fetch(String(downloadUrl).replace(/expires=\d+/, 'expires=99999999999999'));
    expect([forged.status, await forged.text()]).toEqual([403, expect.stringContaining('SignatureDoesNotMatch')]);
  });
});

describe('planted faults', () => {
  const whole = 'period_start,period_end,org_id,user_id,messages_total\r\n';
  const line = (n: number) => `2024-01-01,2024-01-01,ws-1,u${n},${n}\r\n`;

  async function withFault(fault: Fault, act: (api: UsageApi) => Promise<unknown>) {
    await using api = await startUsageApi(THREE_ROWS);
    api.fault(fault);
    return await act(api);
  }

  test('fall as often as asked, on the requests that match', async () => {
    await using api = await startUsageApi(THREE_ROWS);
    const planted = api.fault({ kind: 'status', status: 503, times: 2, match: '2024-01-02' });
    const second = between('2024-01-02T00:00:00.000Z', '2024-01-02T23:59:59.999Z');
    const statuses: number[] = [];
    for (const options of [{}, second, second, second]) statuses.push((await ask(api, options)).status);
    expect(statuses).toEqual([200, 503, 503, 200]);
    expect(planted.hits).toBe(2);
    expect(api.requests.map(({ status, fault }) => [status, fault])).toEqual([
      [200, undefined],
      [503, 'status'],
      [503, 'status'],
      [200, undefined],
    ]);
  });

  test('answer 429 with every form of Retry-After, or none', async () => {
    const header = (retryAfter?: string | string[]) =>
      withFault(
        retryAfter === undefined ? { kind: 'rate-limited' } : { kind: 'rate-limited', retryAfter },
        async (api) => {
          const response = await ask(api);
          return [response.status, response.headers.get('retry-after')];
        },
      );
    expect(await header()).toEqual([429, null]);
    expect(await header('Wed, 25 Nov 2026 01:00:03 GMT')).toEqual([429, 'Wed, 25 Nov 2026 01:00:03 GMT']);
    expect(await header(['1', '3'])).toEqual([429, '1, 3']);
  });

  test('answer with a page, a redirect, NOT_FOUND', async () => {
    expect(await withFault({ kind: 'html' }, async (api) => (await ask(api)).status)).toBe(502);
    expect(await withFault({ kind: 'not-found' }, async (api) => (await ask(api)).status)).toBe(404);
    const to = 'http://127.0.0.1:9/export/users/csv';
    await expect(withFault({ kind: 'redirect', to }, (api) => ask(api))).rejects.toThrow();
  });

  test('reset the connection before and inside the body', async () => {
    await expect(withFault({ kind: 'reset' }, (api) => ask(api))).rejects.toThrow();
    await expect(withFault({ kind: 'cut' }, (api) => download(api))).rejects.toThrow();
    await expect(withFault({ kind: 'reset', on: 'download' }, (api) => download(api))).rejects.toThrow();
  });

  test('end a body early and cleanly, between records and in one', async () => {
    expect(await withFault({ kind: 'cut-at-record' }, (api) => download(api))).toBe(whole);
    expect(await withFault({ kind: 'cut-in-record' }, (api) => download(api))).toBe(whole + line(1).slice(0, 2));
    const json = await withFault({ kind: 'cut-at-record' }, async (api) =>
      (await ask(api, { path: '/export/users/json' })).text(),
    );
    expect(json).toMatch(/^\{"success":true,"data":\[\{.*\}$/);
  });

  test('make bodies longer and counts wrong', async () => {
    expect(await withFault({ kind: 'longer' }, (api) => download(api))).toBe(whole + [1, 2, 3, 3].map(line).join(''));
    const count = withFault({ kind: 'wrong-count', by: 2 }, async (api) => csvAnswer(await ask(api)));
    expect(await count).toMatchObject({ recordCount: 5 });
  });

  test('put hostile words into an answer', async () => {
    const set = { downloadUrl: 'file:///etc/passwd', filePath: '../../x' };
    expect(await withFault({ kind: 'answer', set }, async (api) => csvAnswer(await ask(api)))).toMatchObject(set);
  });

  test('compress a body, whole or cut', async () => {
    const all = whole + [1, 2, 3].map(line).join('');
    expect(await withFault({ kind: 'gzip' }, (api) => download(api))).toBe(all);
    const cut = await withFault({ kind: 'gzip-cut', bytes: 9 }, async (api) => {
      const { downloadUrl } = await csvAnswer(await ask(api));
      return await bytesOf(String(downloadUrl));
    });
    expect(cut).toEqual(gzipSync(all).subarray(0, -9));
  });

  test('send a body byte by byte', async () => {
    expect(await withFault({ kind: 'trickle', bytes: 16 }, (api) => download(api))).toBe(
      whole + [1, 2, 3].map(line).join(''),
    );
  });

  test('hang, before the headers and in the body, until they are lifted', async () => {
    await using api = await startUsageApi(THREE_ROWS);
    const hanging = api.fault({ kind: 'hang' });
    const answer = ask(api);
    await api.seen(({ fault }) => fault === 'hang');
    expect(api.requests[0]?.status).toBeUndefined();
    hanging.lift();
    expect((await answer).status).toBe(200);

    const inBody = api.fault({ kind: 'hang-in-body' });
    const { downloadUrl } = await csvAnswer(await ask(api));
    const started = await fetch(String(downloadUrl));
    inBody.lift();
    expect(await started.text()).toBe(whole + [1, 2, 3].map(line).join(''));
  });

  test('kill a download URL for good', async () => {
    await using api = await startUsageApi(THREE_ROWS);
    api.fault({ kind: 'expired' });
    const { downloadUrl } = await csvAnswer(await ask(api));
    expect([(await fetch(String(downloadUrl))).status, (await fetch(String(downloadUrl))).status]).toEqual([403, 403]);
    expect(await download(api)).toContain('u3');
  });

  test('end with the server, whatever hangs', async () => {
    const answer = await withFault({ kind: 'hang' }, async (api) => {
      const hanging = ask(api).catch(() => 'gone');
      await api.seen(() => true);
      return { hanging };
    });
    expect(await (answer as { hanging: Promise<unknown> }).hanging).toBe('gone');
  });
});

test('runs as its own process, with the same faults, and ends with its parent', async () => {
  await using api = await spawnUsageApi(['--rows', '2']);
  const today = new Date().toISOString().slice(0, 10);
  const options = { path: '/export/users/json', ...between(`${today}T00:00:00.000Z`, `${today}T23:59:59.999Z`) };
  const rows = async () => ((await (await ask(api, options)).json()) as { data: { messages_total: number }[] }).data;
  const before = await rows();
  expect(before).toHaveLength(2);
  expect(await rows()).toEqual(before);
  await api.control({ usage: { rows: 2, edition: 1 }, fault: { kind: 'status', status: 500 } });
  expect((await ask(api, options)).status).toBe(500);
  expect(await rows()).not.toEqual(before);
  const { requests } = await api.control({});
  expect(requests.map(({ status }) => status)).toEqual([200, 200, 500, 200]);
});
