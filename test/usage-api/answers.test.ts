/** The seed's own examples, and what a request may ask for, against a real store. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClickHouseServer } from '../engines/clickhouse.ts';
import { apiKey, keyOf, openStore, openWorld, period, type World } from './world.ts';

const JANUARY = period('2024-01-01T00:00:00.000', '2024-01-31T23:59:59.999');
const WORKSPACES = ['acme', 'byok', 'private', 'unranked', 'empty'];

let store: ClickHouseServer;
let w: World;

beforeAll(async () => {
  store = await openStore();
  await store.query(`INSERT INTO workspaces (org_id, name, user_level_data, leaderboards, byok) VALUES
    ('acme', 'Acme', true, true, false), ('byok', 'Own keys', true, true, true),
    ('private', 'Private', false, true, false), ('unranked', 'Unranked', true, false, false), ('empty', 'Empty', true, true, true)`);
  for (const org of ['acme', 'byok', 'private', 'unranked']) {
    await store.query(
      `INSERT INTO users (org_id, user_id, name, email) VALUES ({org:String}, 'u1', {name:String}, 'zoe@acme.example')`,
      { org, name: 'Zoë "Z", 🐙\\r\\nsecond line' },
    );
    await store.query(
      `INSERT INTO usage_events (org_id, ts, user_id, assistant_id, project_id, api_key_id, model_id, source, deployment, cost_usd) VALUES
      ({org:String}, '2023-12-31 23:30:00', 'u1', 'a1', '', '', 'm1', 'WEB', 'eu', 0.000000001),
      ({org:String}, '2024-01-15 12:00:00', 'u1', '', 'p1', '', 'm1', 'SLACK', 'us', 1.5),
      ({org:String}, '2024-01-31 23:59:59.999999', '', '', '', 'k1', 'm2', 'API', '', 2)`,
      { org },
    );
  }
  w = await openWorld(store, { config: { keys: WORKSPACES.map((org) => apiKey(org)) } });
});
afterAll(async () => {
  expect(w.bugs).toEqual([]);
  await w[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

describe('the CSV answer', () => {
  test("is the seed's, field for field: each bound with its offset, in UTC with none", async () => {
    const from = { date: '2024-01-01T00:00:00.000', timezone: 'Europe/Berlin' };
    const { status, json, headers } = await w.post('/export/assistants', { ...JANUARY, from });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(json).toEqual({
      success: true,
      data: {
        filePath: expect.stringMatching(
          /^assistants-usage\/acme\/assistants-usage-2024-01-01-2024-01-31-[0-9a-f]{8}\.csv$/,
        ),
        downloadUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/files\/[0-9a-f]{32}\/assistants-usage-/),
        dataType: 'assistants',
        recordCount: 1,
        dateRange: { from: '2024-01-01T00:00:00.000+01:00', to: '2024-01-31T23:59:59.999' },
      },
    });
    expect(Object.keys(json.data)).toEqual(['filePath', 'downloadUrl', 'dataType', 'recordCount', 'dateRange']);
  });

  test('leads to a file by RFC 4180, without the key: CRLF, quotes doubled, null as nothing and an empty text as ""', async () => {
    const { json } = await w.post('/export/users/csv', JANUARY);
    const file = await w.get(json.data.downloadUrl);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8']);
    expect(file.headers.get('content-disposition')).toMatch(/^attachment; filename\*=UTF-8''users-usage-2024-01-01/);
    expect(Number(file.headers.get('content-length'))).toBe(Buffer.byteLength(file.text));
    const [header, ...records] = file.text.split(/\r\n(?=\d|$)/);
    expect(header).toMatch(/^period_start,period_end,org_id,user_id,name,email,role,/);
    expect(records).toEqual([
      '2024-01-01,2024-01-31,"acme","u1","Zoë ""Z"", 🐙\r\nsecond line","zoe@acme.example","",,,,,,,1.5,1,0,0,1,1,1,1,1,0,1,0,0,' +
        '"{}","{""p1"":1}","{""m1"":1}","{}"',
      '',
    ]);
  });

  test('has an unguessable name: no two exports share one', async () => {
    const urls = await Promise.all(
      [1, 2, 3].map(async () => (await w.post('/export/users', JANUARY)).json.data.downloadUrl),
    );
    expect(new Set(urls).size).toBe(3);
  });
});

describe('the JSON answer', () => {
  test("is the seed's, field for field: rows, then their count, and in UTC a Z", async () => {
    const { status, json, text } = await w.post('/export/projects/json', JANUARY);
    expect(status).toBe(200);
    expect(json).toEqual({
      success: true,
      data: [
        {
          period_start: '2024-01-01',
          period_end: '2024-01-31',
          org_id: 'acme',
          project_id: 'p1',
          project_name: null,
          project_owner_id: null,
          project_owner_email: null,
          messages: 1,
        },
      ],
      metadata: {
        dataType: 'projects',
        recordCount: 1,
        dateRange: { from: '2024-01-01T00:00:00.000Z', to: '2024-01-31T23:59:59.999Z' },
      },
    });
    expect(text).toMatch(
      /^\{"success":true,"data":\[\{"period_start":"2024-01-01","period_end":"2024-01-31","org_id":"acme",/,
    );
  });

  test('has texts as texts, amounts to the digit and maps as objects', async () => {
    const { text, json } = await w.post('/export/users/json', period('2023-12-31T23:30:00', '2023-12-31T23:30:00'));
    expect(text).toContain('"payg_consumption_in_period":0.000000001,');
    expect(json.data[0]).toMatchObject({
      name: 'Zoë "Z", 🐙\r\nsecond line',
      assistants_to_messages: { a1: 1 },
      projects_to_messages: {},
    });
  });
});

test('agents is an alias of assistants, and each answer has the name of its route', async () => {
  const year = period('2023-12-01T00:00:00', '2024-12-31T00:00:00');
  const [agents, assistants] = await Promise.all(
    ['agents', 'assistants'].map((name) => w.post(`/export/${name}/json`, year)),
  );
  expect(agents?.json.data).toEqual(assistants?.json.data);
  expect([agents?.json.metadata.dataType, assistants?.json.metadata.dataType]).toEqual(['agents', 'assistants']);
});

test('routes may have a path before them, and health has none', async () => {
  await using below = await openWorld(store, {
    config: { pathPrefix: '/api/public', publicUrl: 'https://usage.example.com' },
  });
  const { json } = await below.post('/export/users', JANUARY);
  expect(json.data.downloadUrl).toMatch(/^https:\/\/usage\.example\.com\/api\/public\/files\//);
  const { pathname, search } = new URL(json.data.downloadUrl);
  expect((await below.get(below.api.url + pathname + search)).status).toBe(200);
  expect((await below.get(`${below.url}/openapi.json`)).status).toBe(200);
  expect((await below.get(`${below.api.url}/healthz`)).status).toBe(200);
  expect((await below.get(`${below.api.url}/export/users`)).status).toBe(404);
});

describe('dates', () => {
  const rowsOf = async (from: string, to: string, zones: readonly [string, string] = ['UTC', 'UTC']) => {
    const body = { from: { date: from, timezone: zones[0] }, to: { date: to, timezone: zones[1] } };
    const { status, json } = await w.post('/export/models/json', body);
    return status === 404 ? 0 : json.data.reduce((sum: number, row: { requests: number }) => sum + row.requests, 0);
  };

  test('with and without Z are the same wall clock', async () => {
    expect(await rowsOf('2024-01-01T00:00:00.000Z', '2024-01-31T23:59:59.999Z', ['Europe/Berlin', 'UTC'])).toBe(3);
    expect(await rowsOf('2024-01-01T00:00:00.000', '2024-01-31T23:59:59.999', ['Europe/Berlin', 'UTC'])).toBe(3);
    expect(await rowsOf('2024-01-01T00:00:00.000Z', '2024-01-31T23:59:59.999Z')).toBe(2);
  });

  test('include the whole last millisecond, and nothing behind it', async () => {
    expect(await rowsOf('2024-01-31T23:59:59.999', '2024-01-31T23:59:59.999')).toBe(1);
    expect(await rowsOf('2024-01-16T00:00:00', '2024-01-31T23:59:59.998')).toBe(0);
  });

  test.each([
    ['2024-01-01T00:00:00+00:00', 'UTC', 'from.date'],
    ['2024-02-30T00:00:00', 'UTC', 'from.date'],
    ['2024-01-01', 'UTC', 'from.date'],
    ['0001-01-01T00:00:00', 'UTC', 'from.date'],
    ['2024-01-01T00:00:00', 'Mars/Olympus', 'from.timezone'],
    ['2024-01-01T00:00:00', '+02:00', 'from.timezone'],
    ['2024-02-01T00:00:00', 'UTC', 'from'],
  ])('%s in %s is refused by its field', async (date, timezone, field) => {
    const { status, json } = await w.post('/export/users', { ...JANUARY, from: { date, timezone } });
    expect([status, json.code]).toEqual([400, 'BAD_REQUEST']);
    expect(json.message.split(' ')[0]).toBe(field);
  });
});

describe('group_by', () => {
  test.each([
    ['users', 'deployment'],
    ['assistants', 'source'],
    ['agents', 'source'],
    ['api-keys', 'user'],
    ['projects', 'model'],
    ['models', 'model'],
  ])("that %s have not is refused with the seed's words", async (name, group_by) => {
    const { status, json } = await w.post(`/export/${name}`, { ...JANUARY, group_by });
    expect(status).toBe(400);
    expect(json).toEqual({ message: `group_by=${group_by} is not supported for ${name} exports`, code: 'BAD_REQUEST' });
  });

  test('deployment is for workspaces that bring their own keys', async () => {
    const body = { ...JANUARY, group_by: 'deployment' };
    expect((await w.post('/export/models', body)).json.message).toBe(
      'group_by=deployment is not supported for models exports',
    );
    const { json } = await w.post('/export/models/json', body, { workspace: 'byok' });
    expect(json.data.map((row: { deployment: string }) => row.deployment)).toEqual(['us', '']);
    expect(json.data[0]).toHaveProperty('sum_prompt_tokens', 0);
  });
});

describe('a request that cannot be read', () => {
  test.each([
    ['no JSON', '{"from":', 'The request body must be a JSON object'],
    ['nothing', '', 'The request body must be a JSON object'],
    ['a list', [], 'body: '],
    ['a text', '"x"', 'body: '],
    ['an unknown field', { ...JANUARY, until: 1 }, 'body: Unrecognized key: "until"'],
    ['an unknown field of a bound', { ...JANUARY, to: { ...JANUARY.to, zone: 'UTC' } }, 'to: Unrecognized key: "zone"'],
    ['no to', { from: JANUARY.from }, 'to: '],
    ['a number as date', { ...JANUARY, from: { date: 5, timezone: 'UTC' } }, 'from.date: '],
    ['a list as group_by', { ...JANUARY, group_by: ['model'] }, 'group_by: '],
    ['a prototype', '{"__proto__":{"from":1}}', 'The request body must be a JSON object'],
  ])('as %s says which field and why', async (_what, body, message) => {
    const { status, json } = await w.post('/export/users', body);
    expect([status, json.code]).toEqual([400, 'BAD_REQUEST']);
    expect(json.message).toContain(message);
  });

  test('as a form is told what to send', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { status, json } = await w.post('/export/users', 'from=x', { headers });
    expect([status, json]).toEqual([400, { message: 'Content-Type must be application/json', code: 'BAD_REQUEST' }]);
  });
});

describe('a period without usage', () => {
  test.each(['csv', 'json'])("is the seed's 404 (%s)", async (format) => {
    const nothing = { message: 'No usage data found for the selected period', code: 'NOT_FOUND' };
    expect(await w.post(`/export/users/${format}`, JANUARY, { workspace: 'empty' })).toMatchObject({
      status: 404,
      json: nothing,
    });
    // There is usage, and none of any API key.
    const day = period('2024-01-15T00:00:00', '2024-01-15T23:59:59.999');
    expect(await w.post(`/export/api-keys/${format}`, day)).toMatchObject({ status: 404, json: nothing });
  });

  test('leaves no file', async () => {
    await using fresh = await openWorld(store, { config: { keys: [apiKey('empty')] } });
    await fresh.post('/export/users', JANUARY, { workspace: 'empty' });
    expect((await import('node:fs')).existsSync(fresh.files)).toBe(false);
  });

  test('an unknown route is another 404, which no client takes for one', async () => {
    const { status, json } = await w.post('/export/teams', JANUARY);
    expect([status, json.code]).toEqual([404, 'ROUTE_NOT_FOUND']);
  });
});

describe('history and size', () => {
  test('an export across the edge answers with the rest, and keeps the dates that were asked for', async () => {
    const history = { amount: 12, unit: 'month' } as const;
    const clock = () => Date.parse('2025-01-01T08:00:00Z');
    await using kept = await openWorld(store, { config: { history }, clock });
    const body = period('2023-12-01T00:00:00', '2024-01-31T23:59:59.999');
    const { json } = await kept.post('/export/models/json', body);
    expect(json.data.map((row: { name: string }) => row.name)).toEqual(['m1', 'm2']);
    expect(json.data[0]).toMatchObject({ period_start: '2023-12-01', requests: 1 });
    expect(
      (await kept.post('/export/models/json', period('2023-12-01T00:00:00', '2023-12-31T23:59:59.999'))).status,
    ).toBe(404);
  });

  test('an export that would read more than it may is refused before it does', async () => {
    await using small = await openWorld(store, { config: { maxScannedRows: 2 } });
    const { status, json } = await small.post(
      '/export/users',
      period('2023-12-01T00:00:00', '2024-01-31T23:59:59.999'),
    );
    expect([status, json.code]).toEqual([400, 'USAGE_EXPORT_TOO_LARGE']);
    expect((await small.post('/export/users', JANUARY)).status).toBe(200);
  });
});

describe('privacy', () => {
  const columnsOf = async (workspace: string) => {
    const { json } = await w.post('/export/users/json', JANUARY, { workspace });
    expect(json.data).toHaveLength(1);
    return Object.keys(json.data[0]);
  };

  test('user-level data off leaves out what identifies people, and keeps a row a user', async () => {
    const columns = await columnsOf('private');
    for (const name of ['user_id', 'name', 'email', 'role', 'joined_at']) expect(columns).not.toContain(name);
    expect(columns).toEqual(expect.arrayContaining(['payg_limit_current', 'messages_total', 'messages_total_rank']));
  });

  test('leaderboards off leaves out ranks', async () => {
    const columns = await columnsOf('unranked');
    expect(columns.filter((name) => name.endsWith('_rank'))).toEqual([]);
    expect(columns).toContain('email');
  });

  test('what is switched off leaves with the next export', async () => {
    expect(await columnsOf('acme')).toContain('email');
    await store.query(`INSERT INTO workspaces (org_id, name, user_level_data) VALUES ('acme', 'Acme', false)`);
    expect(await columnsOf('acme')).not.toContain('email');
    await store.query(`INSERT INTO workspaces (org_id, name) VALUES ('acme', 'Acme')`);
  });
});

describe('keys', () => {
  const ask = (authorization: string | undefined, headers: Record<string, string> = {}) =>
    w.post('/export/users/json', JANUARY, { headers: { authorization: authorization ?? '', ...headers } });

  test.each([undefined, 'Bearer', 'Bearer nonsense', `Basic ${keyOf('acme')}`, `Bearer ${keyOf('acme')}x`])(
    "%s is the seed's 401",
    async (authorization) => {
      const { status, text } = await ask(authorization);
      expect([status, text]).toEqual([401, '{"message":"The provided API key is invalid."}']);
    },
  );

  test('are looked at before anything else is', async () => {
    expect((await w.post('/export/users', '{', { headers: { authorization: 'Bearer x' } })).status).toBe(401);
  });

  test('the scheme is read without regard to case', async () => {
    expect((await ask(`bearer ${keyOf('acme')}`)).status).toBe(200);
  });

  test('each exports its own workspace', async () => {
    for (const workspace of ['acme', 'byok']) {
      const { json } = await w.post('/export/users/json', JANUARY, { workspace });
      expect(json.data[0].org_id).toBe(workspace);
    }
  });

  test('one without the scope is refused', async () => {
    await using scoped = await openWorld(store, { config: { keys: [apiKey('acme', { scopes: ['AGENTS_API'] })] } });
    expect(await scoped.post('/export/users', JANUARY)).toMatchObject({ status: 403, json: { code: 'FORBIDDEN' } });
  });

  test.each([{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'same-origin' }])(
    'a request from a browser is refused: %o',
    async (headers) => {
      const { status, json, headers: answered } = await ask(`Bearer ${keyOf('acme')}`, headers);
      expect([status, json.code, answered.get('access-control-allow-origin')]).toEqual([403, 'FORBIDDEN', null]);
    },
  );

  test('several may serve one workspace, and one that is taken out of the config is refused at once', async () => {
    const rotated = [apiKey('acme'), apiKey('acme', { name: 'new', hash: apiKey('new').hash })];
    await using two = await openWorld(store, { config: { keys: rotated } });
    const ask = (key: string) => two.post('/export/users', JANUARY, { workspace: key });
    expect([(await ask('acme')).status, (await ask('new')).status]).toEqual([200, 200]);
    expect(two.api.reconfigure({ ...two.config, keys: rotated.slice(1) })).toEqual([]);
    expect([(await ask('acme')).status, (await ask('new')).status]).toEqual([401, 200]);
  });
});

test('a workspace has so many requests a minute, whoever sends them, and is told when to come back', async () => {
  const keys = [apiKey('acme'), apiKey('acme', { name: 'other', hash: apiKey('other').hash }), apiKey('byok')];
  await using limited = await openWorld(store, { config: { keys, rate: { requests: 3, window: 60_000 } } });
  const ask = (key: string) => limited.post('/export/users', {}, { workspace: key });
  expect((await ask('acme')).headers.get('x-ratelimit-remaining')).toBe('2');
  await ask('other');
  await ask('acme');
  const { status, json, headers } = await ask('other');
  expect([status, json.code, headers.get('x-ratelimit-remaining')]).toEqual([429, 'TOO_MANY_REQUESTS', '0']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(50);
  expect((await ask('byok')).status).toBe(400);
});

test('every request for an export is on record: who, what, when, how many rows, and never the data', async () => {
  await using audited = await openWorld(store);
  await audited.post('/export/users/json', { ...JANUARY, group_by: 'model' });
  await audited.post('/export/users/csv', { ...JANUARY, group_by: 'none' });
  await audited.post('/export/users', JANUARY, { workspace: 'nobody' });
  await audited.untilTold(3);
  expect(audited.told).toMatchObject([
    {
      key: { name: 'key of acme', workspace: 'acme' },
      request: { report: { dataType: 'users', groupBy: 'model' }, format: 'json' },
      count: { rows: 1 },
      outcome: 'exported',
      status: 200,
    },
    { key: { workspace: 'acme' }, outcome: 'refused', status: 400, failure: { code: 'BAD_REQUEST' } },
    { outcome: 'refused', status: 401 },
  ]);
  expect(JSON.stringify(audited.told)).not.toContain('zoe@acme.example');
});
