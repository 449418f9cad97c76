/** What the OpenAPI document says is what there is: it drives requests of every kind, and none of them is a 500. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZONES } from '../../src/core/zones.ts';
import type { ClickHouseServer } from '../engines/clickhouse.ts';
import { full } from '../faults/rounds.ts';
import { apiKey, keyOf, openStore, openWorld, type World } from './world.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly examples?: readonly string[];
  readonly pattern?: string;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
}

let store: ClickHouseServer;
let w: World;
let operations: { readonly method: string; readonly path: string; readonly operation: Operation }[];
beforeAll(async () => {
  store = await openStore();
  await store.query(`INSERT INTO workspaces (org_id, name, byok) VALUES ('acme', 'Acme', true)`);
  await store.query(
    `INSERT INTO usage_events (org_id, ts, user_id, assistant_id, project_id, api_key_id, model_id, deployment, source)
     SELECT 'acme', toDateTime64('2024-01-01 12:00:00', 6, 'UTC') + INTERVAL number DAY, 'u', 'a', 'p', 'k', 'm', 'eu', 'WEB' FROM numbers(31)`,
  );
  w = await openWorld(store, { config: { keys: [apiKey('acme')] } });
  const document = (await w.get(`${w.url}/openapi.json`)).json as { paths: Record<string, Record<string, Operation>> };
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
});
afterAll(async () => {
  expect(w.bugs).toEqual([]);
  await w[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const anything = fc.jsonValue({ maxDepth: 2 });
const clock = fc
  .date({ min: new Date('1850-01-01'), max: new Date('2350-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 23));

/** Values of a schema, now and then others. */
function valuesOf(schema: Schema, name = ''): fc.Arbitrary<unknown> {
  if (schema.type === 'object') {
    const fields = Object.entries(schema.properties ?? {}).map(
      ([field, its]) => [field, valuesOf(its, field)] as const,
    );
    const record = fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] });
    return mostly(
      record,
      fc.oneof(
        anything,
        fc.tuple(record, fc.dictionary(fc.string(), anything)).map(([a, b]) => ({ ...a, ...b })),
      ),
    );
  }
  if (schema.enum !== undefined) return mostly(fc.constantFrom(...schema.enum), fc.string());
  if (name === 'timezone') return mostly(fc.constantFrom(...ZONES), fc.string());
  if (name === 'date') {
    const usual = fc.constantFrom(...(schema.examples ?? []));
    return mostly(
      fc.oneof(
        usual,
        clock,
        clock.map((text) => `${text}Z`),
      ),
      fc.oneof(
        fc.string(),
        clock.map((text) => `${text}+01:00`),
      ),
    );
  }
  return fc.string();
}

function mostly<T, U>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<U>): fc.Arbitrary<T | U> {
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: other });
}

/** Why a value is none of a schema's; undefined where it is one. */
function misfit(value: unknown, schema: Schema, at = 'answer'): string | undefined {
  if (schema.anyOf !== undefined) {
    return schema.anyOf.some((each) => misfit(value, each, at) === undefined)
      ? undefined
      : `${at}: ${JSON.stringify(value)}`;
  }
  const kind =
    value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  const types = [schema.type ?? kind].flat();
  if (!types.includes(kind) && !(types.includes('number') && kind === 'integer')) {
    return `${at}: ${kind} in the place of ${types}`;
  }
  if (Array.isArray(value))
    return first(value.map((item, i) => schema.items && misfit(item, schema.items, `${at}[${i}]`)));
  if (typeof value !== 'object' || value === null || schema.properties === undefined) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const missing = schema.required?.find((name) => !(name in fields));
  if (missing !== undefined) return `${at}.${missing} is missing`;
  return first(
    Object.entries(fields).map(([name, its]) => {
      const known = schema.properties?.[name];
      return known === undefined ? `${at}.${name} is not in the document` : misfit(its, known, `${at}.${name}`);
    }),
  );
}

function first(all: readonly (string | undefined)[]): string | undefined {
  return all.find((each) => each !== undefined);
}

test('the document is of OpenAPI 3.1 and names every route of the contract', async () => {
  const { json } = await w.get(`${w.url}/openapi.json`);
  expect(json.openapi).toBe('3.1.0');
  const names = ['users', 'assistants', 'agents', 'api-keys', 'projects', 'models'];
  const wanted = names.flatMap((name) => ['', '/csv', '/json'].map((format) => `post /export/${name}${format}`));
  const all = operations.map(({ method, path }) => `${method} ${path}`);
  expect(all.toSorted()).toEqual([...wanted, 'get /files/{id}/{name}'].toSorted());
  expect(json.components.securitySchemes.key).toMatchObject({ type: 'http', scheme: 'bearer' });
});

test('any request that the document suggests, and many that it does not, is answered as it says', async () => {
  const statuses = new Set<number>();
  const posts = new Map(
    operations.flatMap(({ method, path, operation }) => (method === 'post' ? [[path, operation]] : [])),
  );
  const asked = fc.constantFrom(...posts.keys()).chain((path) => {
    const schema = posts.get(path)?.requestBody?.content['application/json']?.schema;
    return fc.record({ path: fc.constant(path), body: valuesOf(schema ?? {}) });
  });
  await fc.assert(
    fc.asyncProperty(asked, async ({ path, body }) => {
      const { status, json, text } = await w.post(path, body);
      statuses.add(status);
      const documented = posts.get(path)?.responses[String(status)]?.content['application/json']?.schema;
      expect(documented, `${status} of ${path}: ${text.slice(0, 300)}`).toBeDefined();
      expect(misfit(json, documented ?? {}), path).toBeUndefined();
    }),
    { numRuns: full ? 3000 : 60 },
  );
  expect([...statuses]).toEqual(expect.arrayContaining([200, 400]));
});

test('nor is any download', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string(),
      fc.string(),
      fc.dictionary(fc.constantFrom('expires', 'signature', 'x'), fc.string()),
      async (id, name, query) => {
        const path = `/files/${encodeURIComponent(id)}/${encodeURIComponent(name)}?${new URLSearchParams(query)}`;
        expect([400, 403, 404, 405, 414]).toContain((await w.get(w.url + path)).status);
      },
    ),
    { numRuns: full ? 1000 : 40 },
  );
});

test('a request of whatever bytes is answered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const response = await fetch(`${w.url}/export/users`, {
        method: 'POST',
        headers: { authorization: `Bearer ${keyOf('acme')}`, 'content-type': 'application/json' },
        body: bytes,
      });
      expect(response.status).toBe(400);
    }),
    { numRuns: full ? 1000 : 40 },
  );
});

test('the page for people stands alone: no script, and nothing loaded from anywhere', async () => {
  const { status, text, headers } = await w.get(`${w.url}/docs`);
  expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(text).not.toMatch(/<(script|link|img|iframe)|src=|url\(|@import/i);
  expect([...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual(['/openapi.json']);
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
  for (const { path, method } of operations)
    if (method === 'post' && !/(csv|json)$/.test(path)) expect(text).toContain(`POST ${path}<`);
});
