/** Values and names that try to be something else (reliability 19, 20): they land as they are, or fail by name. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportd, frame } from '../cli/exportd.ts';
import type { Row } from '../engines/usage-api.ts';
import { daily, day, firstDays } from './days.ts';
import { type World, world } from './world.ts';

const TEXTS = [
  `'; DROP TABLE t; --`,
  `" OR 1=1; ATTACH '/tmp/x' AS y; --`,
  `$$ || (SELECT 1) || $$`,
  '${HOME} $name {{x}} %s \\x00 \\u0000',
  `=HYPERLINK("http://x","y")`,
  '../../../etc/passwd',
  'a\u0000b',
  '\u0000',
  '\u0001\u001f\u007f\u0085',
  '\u2028\u2029\u00a0\u3000',
  ' leading and trailing \t',
  '\ufeffmark',
  '\u202eabc\u202c عربى עברית',
  '👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿e\u0301\u0323',
  '""',
  '"',
  ',',
  '\r',
  '\n',
  '\r\n\r\n',
  ',\n",\r\n"',
  '\\',
  '\\N',
  'null',
  `{"a":"b"}`,
  '[1,2]',
  'z'.repeat(1_000_000),
];

/** Names that words of our own SQL, of DuckDB or of JavaScript have, or that try to end a quote. */
const NAMES = [
  'filename',
  'file',
  'loads',
  'load',
  'row',
  'row0',
  'line',
  'field0',
  'found',
  'twice',
  'value',
  'rows',
  'p',
  'v',
  't',
  'rowid',
  'main',
  'exclude',
  'toString',
  'x"; DROP TABLE t; --',
  `y'; DROP TABLE t; --`,
  'a, b',
  'größe',
  '👩‍💻',
  '6si id',
  '$.path',
  'n'.repeat(301),
];
const landed = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9_]/gu, '_')
    .replace(/^(?=\d)/, '_');

describe.each(['csv', 'json'] as const)('from %s', (format) => {
  let w: World;
  const source = `history: null, format: ${format}`;
  const [texts, names] = [day(0), day(1)];
  const rows = (date: string): Row[] =>
    date === texts
      ? TEXTS.map((name, n) => ({ user_id: `${n}`, name, department: name, messages_total: n }))
      : [{ user_id: 'u1', ...Object.fromEntries(NAMES.map((name, n) => [name, `value ${n}`])) }];
  beforeAll(async () => {
    w = await world({ rows: ({ from }) => rows(from.date.slice(0, 10)) }, { source });
    expect(await w.run('run', 'j', ...firstDays(2))).toMatchObject({ exit: 0, outcomes: { loaded: 2 } });
  });
  afterAll(async () => await w[Symbol.asyncDispose]());

  test('texts land byte for byte', async () => {
    const bytes = await w.query(
      `SELECT hex(encode(name)), hex(encode(department)) FROM t WHERE _period_date = '${texts}' ORDER BY messages_total`,
    );
    const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase();
    expect(bytes.map(([name]) => name === undefined)).toHaveLength(TEXTS.length);
    for (const [n, text] of TEXTS.entries())
      expect(bytes[n], JSON.stringify(text.slice(0, 30))).toEqual([hex(text), hex(text)]);
  });

  test('columns land under names that need no quotes, each with its own value', async () => {
    const columns = NAMES.map((name) => `"${landed(name)}"`).join(', ');
    expect(await w.query(`SELECT ${columns} FROM t WHERE _period_date = '${names}'`)).toEqual([
      NAMES.map((_, n) => `value ${n}`),
    ]);
    expect(await w.query(`SELECT count(*) FROM (DESCRIBE t) WHERE column_name !~ '^[a-z_][a-z0-9_]*$'`)).toEqual([
      ['0'],
    ]);
    expect(await w.broken()).toEqual([]);
  });
});

test('a line end in the name of a column costs no row: the period fails, and names it', async () => {
  const bodies = new Map([[day(0), { bytes: 'user_id,"seat\ntier"\r\nu1,gold\r\n', recordCount: 0 }]]);
  await using w = await world(daily(bodies), { source: 'history: null, record_count: warn' });
  const run = await w.run('run', 'j', ...firstDays(1));
  expect(run.periods.get(day(0))).toEqual({ outcome: 'failed', code: 'COLUMN_REFUSED' });
  expect(run.errors.get(day(0))?.message).toBe('the name of the column "seat\\ntier" holds a line end');
});

test('half a surrogate pair in JSON is no text: the period fails, and nothing like it lands', async () => {
  const bodies = new Map([[day(0), { bytes: '[{"user_id":"u1","name":"a\\ud800b"}]', recordCount: 1 }]]);
  await using w = await world(daily(bodies), { source: 'history: null, format: json' });
  const run = await w.run('run', 'j', ...firstDays(1));
  expect(run.periods.get(day(0))).toEqual({ outcome: 'failed', code: 'VALUE_MISFIT' });
  expect(run.errors.get(day(0))?.message).toContain('row 1 of the JSON answer holds half a character');
});

test('bytes that are no UTF-8 are no CSV and no JSON', async () => {
  const broken = (text: string) => Buffer.from(text.replace('?', '\u00ff'), 'latin1');
  for (const [format, bytes] of [
    ['csv', broken('user_id,name\nu1,Ad?a\n')],
    ['json', broken('[{"user_id":"u1","name":"Ad?a"}]')],
  ] as const) {
    await using w = await world(daily(new Map([[day(0), { bytes, recordCount: 1 }]])), {
      source: `history: null, format: ${format}`,
    });
    const run = await w.run('run', 'j', ...firstDays(1));
    expect(run.periods.get(day(0))).toEqual({ outcome: 'failed', code: 'BODY_MALFORMED' });
    expect(run.errors.get(day(0))?.message).toContain('UTF-8');
  }
});

test('a folder may have any name', async () => {
  await using w = await world({ rows: () => [{ user_id: 'u1' }] });
  const place = w.place.at(`it's; "here" $$ ü 👩‍💻`);
  mkdirSync(place);
  writeFileSync(join(place, 'exportd.yaml'), frame({ url: w.api.url }));
  const { exit } = await exportd(['run', 'j', ...firstDays(1), '-c', join(place, 'exportd.yaml')]);
  expect(exit).toBe(0);
  expect(existsSync(join(place, 'out.duckdb'))).toBe(true);
  expect(readdirSync(join(place, 'spool'))).toEqual([]);
});
