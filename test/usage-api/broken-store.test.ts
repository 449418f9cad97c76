/** A store that fails after it said 200 never gives a complete-looking answer (case d15). */
import { existsSync, readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bytes } from '../../src/http/receive.ts';
import { asElements, wholeRecords } from '../../src/usage-api/whole-rows.ts';
import type { ClickHouseServer } from '../engines/clickhouse.ts';

import { serve } from '../sources/lab.ts';
import { MARCH, openStore, openWorld, type World } from './world.ts';

const ROWS = 5000;
const OLD =
  'Code: 241. DB::Exception: Memory limit (total) exceeded: would use "9.31 GiB". (MEMORY_LIMIT_EXCEEDED) (version 23.8.1.1)\n';
const NEW = `__exception__\r\nabcdefghijklmnop\r\n${OLD}135 abcdefghijklmnop\r\n__exception__\r\n`;

let store: ClickHouseServer;
beforeAll(async () => {
  store = await openStore({
    profiles: { tight: { readonly: 1, max_result_rows: 3 * ROWS, max_block_size: 500 } },
    users: { tight: { profile: 'tight' } },
  });
  await store.query(`INSERT INTO workspaces (org_id, name) VALUES ('acme', 'Acme')`);
  await say('2026-03-02', ROWS);
  await say('2026-04-02', 4 * ROWS);
});
afterAll(async () => await store[Symbol.asyncDispose]());

async function say(date: string, people: number): Promise<void> {
  await store.query(
    `INSERT INTO usage_events (org_id, ts, user_id, model_id)
     SELECT 'acme', toDateTime64({date:String}, 6, 'UTC'), 'user ' || number, 'm' FROM numbers({people:UInt32})`,
    { date, people },
  );
}

/** How an answer of the store goes on after its first half, which may end anywhere. */
type Ending = (response: ServerResponse, half: Buffer) => void;

const upToRow = (half: Buffer) => half.subarray(0, half.lastIndexOf('\n') + 1);
const ENDINGS: readonly (readonly [string, Ending])[] = [
  [
    'in the middle of a row, with the text of an exception',
    (response, half) => response.end(Buffer.concat([half, Buffer.from(OLD)])),
  ],
  [
    'behind a row, with the text of an exception',
    (response, half) => response.end(Buffer.concat([upToRow(half), Buffer.from(OLD)])),
  ],
  [
    'in the middle of a row, as newer servers tell of an exception',
    (response, half) => response.end(Buffer.concat([half, Buffer.from(NEW)])),
  ],
  [
    'behind a row, as newer servers tell of an exception',
    (response, half) => response.end(Buffer.concat([upToRow(half), Buffer.from(NEW)])),
  ],
  ['in the middle of a row, as if all were well', (response, half) => response.end(half)],
  [
    'behind a row, by a cut connection',
    (response, half) => response.write(upToRow(half), () => response.socket?.destroy()),
  ],
];

/** The real store, whose reports end otherwise. */
async function brokenStore(ending: Ending) {
  return await serve(async (request, response) => {
    const sql = await buffer(request);
    const answer = await fetch(store.url + request.url, { method: 'POST', body: new Uint8Array(sql) });
    const body = Buffer.from(await answer.arrayBuffer());
    response.statusCode = answer.status;
    if (sql.includes('RawBLOB')) ending(response, body.subarray(0, body.length / 2));
    else response.end(body);
  });
}

/** What a client can make of it: a whole answer, an error with its status, or a connection that broke. */
async function outcomeOf(w: World, format: string, body: object = MARCH): Promise<number | 'broken'> {
  try {
    return (await w.post(`/export/users/${format}`, body)).status;
  } catch (error) {
    expect(error).toMatchObject({ name: 'TypeError' });
    return 'broken';
  }
}

const left = (w: World) => (existsSync(w.files) ? readdirSync(w.files) : []);

describe.each(ENDINGS)('a report that ends %s', (_how, ending) => {
  test('is 503 as CSV, and leaves no file', async () => {
    await using broken = await brokenStore(ending);
    await using w = await openWorld(broken);
    expect(await outcomeOf(w, 'csv')).toBe(503);
    expect(left(w)).toEqual([]);
    expect(w.told).toMatchObject([{ outcome: 'failed', failure: { code: 'BODY_SHORT' } }]);
  });

  test('breaks the connection of a JSON answer', async () => {
    await using broken = await brokenStore(ending);
    await using w = await openWorld(broken);
    expect(await outcomeOf(w, 'json')).toBe('broken');
    await w.untilTold(1);
    expect(w.told).toMatchObject([{ outcome: 'broken', failure: { code: 'BODY_SHORT' } }]);
  });
});

test.each(['csv', 'json'])(
  'an exception in a header and nothing else is 503, never a period without usage (%s)',
  async (format) => {
    await using broken = await brokenStore((response) =>
      response.setHeader('x-clickhouse-exception-code', '159').end(),
    );
    await using w = await openWorld(broken);
    expect(await outcomeOf(w, format)).toBe(503);
    expect(w.told).toMatchObject([{ failure: { code: 'SOURCE_ERROR', message: expect.stringContaining('159') } }]);
  },
);

test('the real store, at its limit in the middle of a report, gives no whole answer either', async () => {
  const april = {
    from: { ...MARCH.from, date: '2026-04-01T00:00:00' },
    to: { ...MARCH.to, date: '2026-04-30T00:00:00' },
  };
  await using w = await openWorld(store);
  const clickHouse = { ...w.config.clickHouse, username: 'tight' };
  await using tight = await openWorld(store, { config: { clickHouse } });
  expect(await outcomeOf(tight, 'csv', april)).toBe(503);
  expect(left(tight)).toEqual([]);
  expect(await outcomeOf(tight, 'json', april)).toBe('broken');
  expect([await outcomeOf(tight, 'csv'), await outcomeOf(tight, 'json')]).toEqual([200, 200]);
});

describe('whatever stands in the rows and however they are cut into chunks', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', '\r\n', '\n', ',', '{', '}', '7', '🐙'), maxLength: 6 });
  const cuts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });

  async function* inChunks(bytes: Buffer, sizes: readonly number[]): Bytes {
    for (let at = 0, n = 0; at < bytes.length; n++) {
      const size = sizes[n % sizes.length] ?? 1;
      yield Buffer.from(bytes.subarray(at, at + size));
      at += size;
    }
  }

  async function read(check: typeof wholeRecords, bytes: Buffer, sizes: readonly number[]) {
    const count = { rows: 0 };
    const chunks: Buffer[] = [];
    for await (const chunk of check(inChunks(bytes, sizes), count)) chunks.push(chunk);
    return { text: Buffer.concat(chunks).toString(), rows: count.rows };
  }

  const FORMATS = [
    [
      'JSON',
      asElements,
      (text: string) => `${JSON.stringify({ text })}\n`,
      (rows: string[]) => rows.map((row) => row.trimEnd()).join(','),
    ],
    [
      'CSV',
      wholeRecords,
      (text: string) => `2026-03-01,"${text.replaceAll('"', '""')}",\r\n`,
      (rows: string[]) => rows.join(''),
    ],
  ] as const;

  test.each(FORMATS)('whole %s is passed on and counted', async (_name, check, rowOf, passed) => {
    await fc.assert(
      fc.asyncProperty(fc.array(cell), cuts, async (cells, sizes) => {
        const rows = cells.map(rowOf);
        expect(await read(check, Buffer.from(rows.join('')), sizes)).toEqual({ text: passed(rows), rows: rows.length });
      }),
    );
  });

  test.each(FORMATS)(
    '%s that breaks off within a row, or is followed by an exception, is refused',
    async (_name, check, rowOf) => {
      const words = fc.constantFrom('', OLD, NEW);
      await fc.assert(
        fc.asyncProperty(
          fc.array(cell, { minLength: 1 }),
          cuts,
          fc.nat(),
          words,
          async (cells, sizes, cut, exception) => {
            const rows = cells.map((text) => Buffer.from(rowOf(text)));
            const ends = rows.map((_, i) => Buffer.concat(rows.slice(0, i + 1)).length);
            const whole = Buffer.concat(rows);
            const at = cut % whole.length;
            fc.pre(exception !== '' || (at > 0 && !ends.includes(at)));
            const bytes = Buffer.concat([whole.subarray(0, at), Buffer.from(exception)]);
            await expect(read(check, bytes, sizes)).rejects.toMatchObject({ code: 'BODY_SHORT' });
          },
        ),
      );
    },
  );
});
