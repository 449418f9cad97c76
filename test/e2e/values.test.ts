/** Values end to end: what a server sends is what a DuckDB file holds, from CSV and from JSON alike, or the period fails. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DayBody, daily, day, firstDays } from './days.ts';
import { type Told, type World, world } from './world.ts';

interface Landing {
  readonly promise: string;
  readonly csv: string | Uint8Array;
  /** The rows as a JSON answer's `data`, text for text. */
  readonly json: string;
  /** What is selected of the day's rows. */
  readonly select: string;
  readonly lands: readonly (readonly (string | null)[])[];
}

const bytes = (...parts: readonly (string | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Uint8Array.from(part))));

const LOOKALIKES = ['00123', '1e5', 'TRUE', 'NaN', 'Infinity', '2026-01-01', '-0', '0x1F', 'null', 'NULL', 'NA', '\\N'];
const LONG = 'x'.repeat(3_000_000);
const MIXED = 'Zoë 中文 👩‍💻 e\u0301 \u202Eright to left\u202C שלום';

const LANDINGS: readonly Landing[] = [
  {
    promise: 'columns are taken by their names, in one order (case b01)',
    csv: 'user_id,name,email,role\nu1,Ada,ada@example.com,admin\n',
    json: '[{"user_id":"u1","name":"Ada","email":"ada@example.com","role":"admin"}]',
    select: 'user_id, name, email, role',
    lands: [['u1', 'Ada', 'ada@example.com', 'admin']],
  },
  {
    promise: 'columns are taken by their names, in another order (case b01)',
    csv: 'name,role,user_id,email\nAda,admin,u1,ada@example.com\n',
    json: '[{"name":"Ada","role":"admin","user_id":"u1","email":"ada@example.com"}]',
    select: 'user_id, name, email, role',
    lands: [['u1', 'Ada', 'ada@example.com', 'admin']],
  },
  {
    promise: 'ids that look like something else are texts, byte for byte (case b02)',
    csv: `user_id,messages_total\n${LOOKALIKES.map((id, n) => `${id},${n + 1}\n`).join('')}`,
    json: JSON.stringify(LOOKALIKES.map((user_id, n) => ({ user_id, messages_total: n + 1 }))),
    select: 'user_id',
    lands: LOOKALIKES.map((id) => [id]),
  },
  {
    promise: 'integers written as 1e3, 1.0, +5 and 0012 are those integers (case b04)',
    csv: 'user_id,messages_total\na,1e3\nb,1.0\nc,+5\nd,0012\n',
    json: '[{"user_id":"a","messages_total":1e3},{"user_id":"b","messages_total":1.0},{"user_id":"c","messages_total":"+5"},{"user_id":"d","messages_total":"0012"}]',
    select: 'messages_total',
    lands: [['1'], ['5'], ['12'], ['1000']],
  },
  {
    promise: 'a quoted empty field is an empty text, a bare one is nothing (case b06)',
    csv: 'user_id,name,department\nu1,"",\nu2,,""\n',
    json: '[{"user_id":"u1","name":"","department":null},{"user_id":"u2","name":null,"department":""}]',
    select: 'user_id, name, department',
    lands: [
      ['u1', '', null],
      ['u2', null, ''],
    ],
  },
  {
    promise: 'line ends inside quotes stay as they are in a CRLF file (case b07)',
    csv: 'user_id,name\r\nu1,"A\r\nB"\r\nu2,"C\nD"\r\nu3,"E\rF"\r\n',
    json: '[{"user_id":"u1","name":"A\\r\\nB"},{"user_id":"u2","name":"C\\nD"},{"user_id":"u3","name":"E\\rF"}]',
    select: 'name',
    lands: [['A\r\nB'], ['C\nD'], ['E\rF']],
  },
  {
    promise: 'a byte order mark before a quoted header is no part of it (case b09)',
    csv: bytes([0xef, 0xbb, 0xbf], '"user_id","messages_total"\r\n"u,1",1\r\n'),
    json: '[{"user_id":"u,1","messages_total":1}]',
    select: 'user_id, messages_total',
    lands: [['u,1', '1']],
  },
  {
    promise: 'neither are two of them (case b09)',
    csv: bytes([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], '"user_id","messages_total"\r\n"u,1",1\r\n'),
    json: '[{"user_id":"u,1","messages_total":1}]',
    select: 'user_id, messages_total',
    lands: [['u,1', '1']],
  },
  {
    promise: 'every character is kept, unnormalised (case b15)',
    csv: `user_id,name\nu1,${MIXED}\n`,
    json: JSON.stringify([{ user_id: 'u1', name: MIXED }]),
    select: 'name',
    lands: [[MIXED]],
  },
  {
    promise: 'a NUL is a character (case b17)',
    csv: bytes('user_id,name\nu1,a', [0], 'b\n'),
    json: '[{"user_id":"u1","name":"a\\u0000b"}]',
    select: 'length(name), hex(name)',
    lands: [['3', '610062']],
  },
  {
    promise: 'a cell may be as long as it is (case b18)',
    csv: `user_id,name\nu1,${LONG}\n`,
    json: JSON.stringify([{ user_id: 'u1', name: LONG }]),
    select: `length(name), ltrim(name, 'x')`,
    lands: [['3000000', '']],
  },
  {
    promise: 'columns and keys named __proto__ and constructor are names (case b22)',
    csv: 'user_id,__proto__,constructor,model_to_messages_total\nu1,p,c,"{""__proto__"": 3, ""constructor"": 1, ""gpt-x"": 2}"\n',
    json: '[{"user_id":"u1","__proto__":"p","constructor":"c","model_to_messages_total":{"__proto__": 3, "constructor": 1, "gpt-x": 2}}]',
    select: '__proto__, "constructor", model_to_messages_total',
    lands: [['p', 'c', '{"__proto__":3,"constructor":1,"gpt-x":2}']],
  },
  {
    promise: 'backslashes are letters (case b24)',
    csv: 'user_id,name\n1,"C:\\dir\\"\n2,a\\nb\n3,"say ""hi"""\n',
    json: JSON.stringify([
      { user_id: '1', name: 'C:\\dir\\' },
      { user_id: '2', name: 'a\\nb' },
      { user_id: '3', name: 'say "hi"' },
    ]),
    select: 'name',
    lands: [['C:\\dir\\'], ['a\\nb'], ['say "hi"']],
  },
  {
    promise: 'columns may be named like words of SQL (case d02)',
    csv: 'user_id,order,group,default,table,select,date,desc,start,messages_total\nu1,1,2,3,4,5,2026-01-01,7,8,9\n',
    json: '[{"user_id":"u1","order":1,"group":2,"default":3,"table":4,"select":5,"date":"2026-01-01","desc":7,"start":8,"messages_total":9}]',
    select: '"order", "group", "default", "table", "select", "date", "desc", "start", messages_total',
    lands: [['1', '2', '3', '4', '5', '2026-01-01', '7', '8', '9']],
  },
  {
    promise: 'wide decimals keep every digit, dates are dates (case d11)',
    csv: 'user_id,big,joined_at\nu1,12345678901234567891,2026-03-29\n',
    json: '[{"user_id":"u1","big":12345678901234567891,"joined_at":"2026-03-29"}]',
    select: 'typeof(big), big, typeof(joined_at), joined_at',
    lands: [['DECIMAL(38,9)', '12345678901234567891.000000000', 'DATE', '2026-03-29']],
  },
];

const RULES = 'window: { grain: day }, columns: { types: { big: numeric } }';

const bodiesOf = (format: 'csv' | 'json') =>
  new Map<string, DayBody>(
    LANDINGS.map(({ csv, json, lands }, n) => [
      day(n),
      { bytes: format === 'csv' ? csv : json, recordCount: lands.length },
    ]),
  );

/** By format: what the ledger says of each day's rows. */
const fingerprints = new Map<string, (string | null)[][]>();

describe.each(['csv', 'json'] as const)('from %s', (format) => {
  let w: World;
  let loaded: Told;
  beforeAll(async () => {
    w = await world(daily(bodiesOf(format)), { source: `history: null, format: ${format}`, job: RULES });
    loaded = await w.run('run', 'j', ...firstDays(LANDINGS.length));
    const ledger = `SELECT period_date, row_count, fingerprint FROM _exportd_loads WHERE outcome = 'loaded' ORDER BY 1`;
    fingerprints.set(format, await w.query(ledger));
  });
  afterAll(async () => await w[Symbol.asyncDispose]());

  test.each(LANDINGS.map((landing, n) => [landing.promise, day(n), landing] as const))(
    '%s',
    async (_promise, date, { select, lands }) => {
      expect(loaded.errors.get(date)).toBeUndefined();
      const where = `WHERE _period_date = '${date}' ORDER BY messages_total, user_id`;
      expect(await w.query(`SELECT ${select} FROM t ${where}`)).toEqual(lands);
    },
  );

  test('nothing is added to the table but the columns that were new, and nothing to Object', async () => {
    const own = await w.query(
      `SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM (DESCRIBE t) WHERE column_name NOT LIKE '\\_%' ESCAPE '\\'`,
    );
    expect(own[0]?.[0]).not.toMatch(/\ufeff|"|name_1|column\d|field\d/i);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect(await w.broken()).toEqual([]);
  });

  test('the same answers again rewrite nothing', async () => {
    const again = await w.run('run', 'j', ...firstDays(LANDINGS.length));
    expect(again).toMatchObject({ exit: 0, outcomes: { unchanged: LANDINGS.length } });
  });
});

test('CSV and JSON of one day have one fingerprint, and so have two orders of columns', () => {
  const csv = fingerprints.get('csv');
  expect(fingerprints.get('json')).toEqual(csv);
  const [first, second] = csv ?? [];
  expect(first?.[2]).toBe(second?.[2]);
});
