/** Planted keys and personal values are searched for in everything that exportd says and leaves behind (reliability 21). */
import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { exportd, type FrameChanges, frame, start } from '../cli/exportd.ts';
import type { Fault, Row } from '../engines/usage-api.ts';
import { openLab } from '../staging/lab.ts';
import { day, firstDays } from './days.ts';
import { KEY, type World, world } from './world.ts';

const HASH_KEY = 'the-hash-key-of-everybody';
const SIGNATURE = 'c2lnbmVkLWJ5LXRoZS1zdG9yYWdl';
const ADA = { user_id: 'user-of-ada', name: 'Ada Lovelace', email: 'ada@example.com' };
const PERSONAL = Object.values(ADA);
/** Nobody may ever see these; a part of a key that long is as good as the key. */
const KEYS = [KEY, KEY.slice(0, 12), KEY.slice(-12), HASH_KEY, SIGNATURE];

const PRIVATE: FrameChanges = {
  job: 'window: { grain: day }, columns: { hash: [user_id, email], drop: [name] }, hash_key: "${HASH_KEY}"',
};
const ENV = { HASH_KEY, NODE_EXTRA_CA_CERTS: '' };

function unsaid(text: string, values: readonly string[]): void {
  for (const value of values) expect(text).not.toContain(value);
}

/** Every file below a folder. */
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** All text of the ledger and of exportd's other tables, and of DuckDB's descriptions of them. */
async function kept(w: World): Promise<string> {
  const ours = await w.query(`SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '\\_exportd%' ESCAPE '\\'`);
  const tables = await Promise.all(ours.map(([name]) => w.query(`SELECT x::VARCHAR FROM "${name}" AS x`)));
  const described = await w.query(
    `SELECT sql || coalesce(comment, '') FROM duckdb_tables() UNION ALL SELECT column_name || coalesce(comment, '') FROM duckdb_columns() WHERE NOT internal`,
  );
  return JSON.stringify([tables, described]);
}

describe('exportd as a process of its own', () => {
  const rows = (): Row[] => [{ ...ADA, messages_total: 1 }];
  let w: World;
  let temporary: string;
  const command = (...words: string[]) => [...words, '-c', w.place.at('exportd.yaml'), '--log-level', 'trace'];
  const begin = (...words: string[]) => start(command(...words), { ...ENV, TMPDIR: temporary });
  const leftBehind = () => [...filesBelow(temporary), ...filesBelow(w.place.at('spool'))];

  beforeAll(async () => {
    w = await world({ rows }, PRIVATE);
    temporary = w.place.at('tmp');
    mkdirSync(temporary);
  });
  afterAll(async () => await w[Symbol.asyncDispose]());

  test('says nothing of them while all goes well, and leaves nothing behind', async () => {
    const { exit, stdout, stderr } = await begin('run', 'j', ...firstDays(2)).ended;
    expect([exit, stderr.length > 0]).toEqual([0, true]);
    const signatures = w.api.requests.map(({ path }) => /signature=(\w+)/.exec(path)?.[1]).filter((it) => it);
    expect(signatures).toHaveLength(2);
    unsaid(stdout + stderr, [...KEYS, ...PERSONAL, ...(signatures as string[])]);
    expect(leftBehind()).toEqual([]);
  });

  test('lands hashes that anybody with the key can make again, and no name', async () => {
    const hmac = (text: string) => createHmac('sha256', HASH_KEY).update(text).digest('hex');
    expect(await w.query(`SELECT DISTINCT user_id, email, messages_total FROM t`)).toEqual([
      [hmac(ADA.user_id), hmac(ADA.email), '1'],
    ]);
    const file = readFileSync(w.place.at('out.duckdb'), 'latin1');
    unsaid(file + (await kept(w)), [...KEYS, ...PERSONAL]);
  });

  test('leaves nothing behind where a period fails', async () => {
    w.api.fault({ kind: 'cut-in-record', times: 'always' });
    const { exit, stdout, stderr } = await begin('run', 'j', ...firstDays(1)).ended;
    w.api.liftFaults();
    expect(exit).toBe(1);
    unsaid(stdout + stderr, [...KEYS, ...PERSONAL]);
    expect(leftBehind()).toEqual([]);
  });

  test('leaves nothing behind when told to stop in the middle of a body', async () => {
    w.api.fault({ kind: 'hang-in-body', times: 'always' });
    const before = w.api.requests.length;
    const run = begin('run', 'j', ...firstDays(1));
    await w.api.seen((request) => request.kind === 'download' && w.api.requests.indexOf(request) >= before);
    run.process.kill('SIGTERM');
    const { exit, stdout, stderr } = await run.ended;
    w.api.liftFaults();
    expect(exit).toBe(143);
    unsaid(stdout + stderr, [...KEYS, ...PERSONAL]);
    expect(leftBehind()).toEqual([]);
  });

  test('clears up after one that was killed', async () => {
    w.api.fault({ kind: 'hang-in-body', times: 'always' });
    const before = w.api.requests.length;
    const killed = begin('run', 'j', ...firstDays(1));
    await w.api.seen((request) => request.kind === 'download' && w.api.requests.indexOf(request) >= before);
    killed.process.kill('SIGKILL');
    await killed.ended;
    w.api.liftFaults();
    expect(leftBehind()).not.toEqual([]);
    const { exit } = await exportd(command('run', 'j', ...firstDays(1)), ENV);
    expect(exit).toBe(0);
    expect(leftBehind()).toEqual([]);
  });
});

describe('whatever a server says', () => {
  /** 200 characters of an answer are shown: here only a part of the key is among them. */
  const cutKey = `${'x'.repeat(185)} ${KEY}`;
  const url = `/exports/f.csv?X-Signature=${SIGNATURE}&expires=1`;
  const echo = `Bearer ${KEY} may not read ${url}`;

  /** Each on a day of its own. */
  const ECHOES: readonly { readonly says: string; readonly fault: Fault }[] = [
    { says: 'the key in an error', fault: { kind: 'status', status: 500, body: { message: echo } } },
    { says: 'the key at the end of what is shown', fault: { kind: 'status', status: 400, body: cutKey } },
    { says: 'the key in a page', fault: { kind: 'status', status: 502, body: `<title>${echo}</title>` } },
    {
      says: 'the key in an answer that is no success',
      fault: { kind: 'status', status: 200, body: { success: false, message: cutKey } },
    },
    { says: 'the key as a count', fault: { kind: 'answer', set: { recordCount: cutKey } } },
    {
      says: 'a URL with the key as its path',
      fault: { kind: 'answer', set: { downloadUrl: `http://127.0.0.1:9/${KEY}/f?k=${KEY}` } },
    },
    { says: 'a URL of another scheme', fault: { kind: 'answer', set: { downloadUrl: `ftp://${KEY}@host/${url}` } } },
    {
      says: 'a URL with a password',
      fault: { kind: 'answer', set: { downloadUrl: `http://u:${SIGNATURE}@127.0.0.1:9/f` } },
    },
    { says: 'nothing, at a signed URL', fault: { kind: 'answer', set: { downloadUrl: `http://127.0.0.1:9${url}` } } },
    { says: 'a signed redirect', fault: { kind: 'redirect', to: url, on: 'download' } },
    {
      says: 'a signed redirect elsewhere',
      fault: { kind: 'redirect', to: `http://127.0.0.1:9${url}`, on: 'download' },
    },
  ];

  test.each(['text', 'json'] as const)('its answers put neither key nor signature into %s or log', async (format) => {
    await using w = await world({ rows: () => [{ user_id: 'u1' }] });
    for (const [n, { fault }] of ECHOES.entries()) w.api.fault({ ...fault, times: 'always', match: day(n) });
    const words = ['run', 'j', ...firstDays(ECHOES.length), '--log-level', 'trace', '-o', format];
    const { exit, stdout, stderr } = await exportd([...words, '-c', w.place.at('exportd.yaml')]);
    expect(exit).toBe(1);
    for (const text of [stdout, stderr]) unsaid(text, KEYS);
    unsaid(await kept(w), KEYS);
  });
});

test.each([
  ['a line end', `${KEY}\n`],
  ['a byte order mark', `\ufeff${KEY}\n`],
])('a key from a file with %s is the key alone (case e07)', async (_what, content) => {
  await using w = await world({ rows: () => [{ user_id: 'u1' }] });
  w.place.write('key', content);
  const config = frame({ url: w.api.url });
  w.place.write('exportd.yaml', config.replace(/"\$\{KEY:-[^}]*\}"/, `"\${file:${w.place.at('key')}}"`));
  expect(await w.run('run', 'j', ...firstDays(1))).toMatchObject({ exit: 0, outcomes: { loaded: 1 } });
  expect(w.api.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
});

test('an empty key file is refused by its name, and nothing is asked (case e07)', async () => {
  await using w = await world({ rows: () => [] });
  w.place.write('key', '\n');
  const config = frame({ url: w.api.url });
  w.place.write('exportd.yaml', config.replace(/"\$\{KEY:-[^}]*\}"/, `"\${file:${w.place.at('key')}}"`));
  const { exit, stderr } = await exportd(['run', 'j', ...firstDays(1), '-c', w.place.at('exportd.yaml')]);
  expect(exit).toBe(2);
  expect(stderr).toMatch(/exportd\.yaml:3:\d+: /);
  expect(stderr).toContain(w.place.at('key'));
  expect(w.api.requests).toEqual([]);
});

test('the hash key stands in no statement, with or without a log of them', async () => {
  await using lab = await openLab();
  const logs = `SELECT current_setting('enable_logging') AS logging, current_setting('enable_profiling') AS profiling`;
  expect(await lab.connection.rows(logs)).toEqual([{ logging: 0, profiling: null }]);
  await lab.connection.run(`CALL enable_logging(level = 'trace', storage = 'memory')`);
  const hashKey = { id: '00000000', key: new Secret(HASH_KEY) };
  await using staged = await lab.stage([{ csv: 'user_id\nu1\n' }], { hash: ['user_id'], hashKey });
  expect(staged.loads[0]?.problem).toBeUndefined();
  const logged = await lab.connection.rows<{ message: string }>('SELECT message FROM duckdb_logs()');
  const text = logged.map(({ message }) => message).join('\n');
  expect(text).toContain('exportd_hmac');
  const padded = Buffer.from(HASH_KEY).map((byte) => byte ^ 0x36);
  unsaid(text, [HASH_KEY, Buffer.from(HASH_KEY).toString('hex'), Buffer.from(padded).toString('latin1')]);
});
