import { createHmac } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { METADATA_COLUMNS } from '../../src/core/columns.ts';
import { Secret } from '../../src/core/secret.ts';
import { quoteText } from '../../src/duckdb/engine.ts';
import { type Lab, openLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

describe('what stands in the file', () => {
  test('metadata columns say which period, source and load a row is of, and when it was asked for', async () => {
    await using staged = await lab.stage([{ csv: 'user_id\nu1\n' }]);
    const [load] = staged.loads;
    expect(
      await lab.rows(
        staged,
        load,
        METADATA_COLUMNS.map((column) => column.name),
      ),
    ).toEqual([
      [
        'acme/users/0',
        '2026-03-01',
        '2026-02-28 23:00:00+00',
        '2026-03-01 23:00:00+00',
        'acme',
        load?.loadId,
        '2026-11-25 03:00:00.123+00',
      ],
    ]);
  });

  test('every type has its own Parquet type: decimals exact, instants UTC microseconds, dates dates (case d11)', async () => {
    await using staged = await lab.stage(
      [{ csv: 'user_id,big,joined_at,messages_total\nu1,12345678901234567891,2026-03-29,7\n' }],
      {
        types: { big: 'numeric' },
      },
    );
    const schema = await lab.connection.rows<{
      name: string;
      type: string;
      converted: string | null;
      logical: string | null;
    }>(
      `SELECT name, type, converted_type AS converted, logical_type AS logical FROM parquet_schema(${quoteText(staged.file.path)})`,
    );
    const typeOf = (name: string) => schema.find((column) => column.name === name);
    expect(typeOf('big')).toMatchObject({ converted: 'DECIMAL' });
    expect(typeOf('joined_at')).toMatchObject({ type: 'INT32', converted: 'DATE' });
    expect(typeOf('messages_total')).toMatchObject({ type: 'INT64' });
    expect(typeOf('_period_start')?.type).toBe('INT64');
    // Nobody sent it: the table has it, the file need not.
    expect(typeOf('messages_chat')).toBeUndefined();
    expect(staged.columns.map(({ name }) => name)).toContain('messages_chat');
    expect(typeOf('_period_start')?.logical).toMatch(/isAdjustedToUTC=1.*MICROS/);
    expect(schema.some((column) => column.type === 'DOUBLE')).toBe(false);
    expect(await lab.rows(staged, staged.loads[0], ['big', 'joined_at'])).toEqual([
      ['12345678901234567891.000000000', '2026-03-29'],
    ]);
  });

  test('a batch in which no body can be read is a file without rows', async () => {
    await using staged = await lab.stage([{ csv: '' }]);
    expect(staged.loads[0]).toMatchObject({ rows: 0, problem: { code: 'BODY_SHORT' } });
    expect(await lab.rows(staged, staged.loads[0], ['_load_id'])).toEqual([]);
  });
});

describe('new and changed columns', () => {
  const days = [
    { csv: 'user_id,messages_total\nu1,1\n', declared: 1 },
    { csv: 'user_id,name,seat_tier,messages_total\nu1,Ada,gold,2\n', declared: 1 },
    { csv: 'user_id,messages_total,name\nu1,3,Ada\n', declared: 1 },
  ];

  test('evolve: columns come and go, and what is not there is null (case b19)', async () => {
    await using staged = await lab.stage(days);
    const columns = ['messages_total', 'name', 'seat_tier'];
    expect(staged.columns.at(-1)).toMatchObject({ name: 'seat_tier', type: 'string' });
    expect(await Promise.all(staged.loads.map((load) => lab.rows(staged, load, columns)))).toEqual([
      [['1', null, null]],
      [['2', 'Ada', 'gold']],
      [['3', 'Ada', null]],
    ]);
  });

  test('freeze: the day with the new column fails naming it, the others land (case b19)', async () => {
    await using staged = await lab.stage(days, { schema: 'freeze' });
    expect(staged.loads.map((load) => load.problem?.code)).toEqual([undefined, 'COLUMN_NEW', undefined]);
    expect(staged.loads[1]?.problem?.message).toContain('"seat_tier"');
  });

  test('discard: the new column is left out, and said (case b19)', async () => {
    await using staged = await lab.stage(days, { schema: 'discard' });
    expect(staged.loads.map((load) => load.discarded)).toEqual([[], ['seat_tier'], []]);
    expect(staged.columns.some((column) => column.name === 'seat_tier')).toBe(false);
  });

  test('a column that the table has keeps its type: values are cast to it exactly, or refused', async () => {
    const table = [
      { name: 'messages_total', type: 'numeric', native: 'DECIMAL(38,9)' },
      { name: 'messages_chat', type: 'string', native: 'VARCHAR' },
      { name: 'payg_limit_current', type: 'integer', native: 'BIGINT' },
      { name: 'messages_projects', type: 'float', native: 'DOUBLE' },
    ] as const;
    const header = 'user_id,messages_total,messages_chat,payg_limit_current,messages_projects';
    await using staged = await lab.stage(
      [
        { csv: `${header}\nu1,7,1e3,5.0,9007199254740991\n` },
        { csv: `${header}\nu1,7,8,5.5,1\n` },
        { csv: `${header}\nu1,7,8,5,9007199254740993\n` },
      ],
      { table },
    );
    const [exact, broken, large] = staged.loads;
    expect(
      await lab.rows(staged, exact, ['messages_total', 'messages_chat', 'payg_limit_current', 'messages_projects']),
    ).toEqual([['7.000000000', '1000', '5', '9007199254740991.0']]);
    expect(broken?.problem).toMatchObject({ code: 'VALUE_MISFIT' });
    expect(broken?.problem?.message).toBe(
      'column "payg_limit_current", row 1: text of 3 characters like "9.9" is not exactly an integer (64 bits), which the table has it as',
    );
    expect(large?.problem).toMatchObject({ code: 'VALUE_MISFIT' });
  });

  test('a column of the table in a type that exportd does not make refuses the load, naming it', async () => {
    await using staged = await lab.stage([{ csv: 'user_id\nu1\n' }], {
      table: [{ name: 'user_id', type: undefined, native: 'UUID' }],
    });
    expect(staged.loads[0]?.problem).toMatchObject({ code: 'TABLE_REFUSED', scope: 'table' });
    expect(staged.loads[0]?.problem?.message).toContain('user_id is UUID');
  });

  test.each([
    ['type', { types: { seat_tier: 'integer' } }],
    ['hashing', { hash: ['seat_tier'], hashKey: { id: '0', key: new Secret('k') } }],
  ] as const)('two spellings of a new column that land as one name need the same rules: %s', async (_, wish) => {
    const given = [{ csv: 'user_id,Seat Tier\nu1,1\n' }, { csv: 'user_id,seat_tier\nu1,2\n' }];
    await using staged = await lab.stage(given, wish);
    expect(staged.loads.map((load) => load.problem?.code)).toEqual([undefined, 'COLUMN_REFUSED']);
  });
});

describe('a value that does not fit', () => {
  test('is named by column, row and shape', async () => {
    await using staged = await lab.stage([{ csv: 'user_id,messages_total\nu1,1\nu2,12.5x\nu3,y\n' }]);
    expect(staged.loads[0]?.problem).toMatchObject({ code: 'VALUE_MISFIT', scope: 'period', retryable: false });
    expect(staged.loads[0]?.problem?.message).toBe(
      'column "messages_total", row 2: text of 5 characters like "99.9a" is not exactly an integer (64 bits)',
    );
  });

  test('of a personal column is described by its length alone', async () => {
    await using staged = await lab.stage([{ csv: 'user_id,joined_at\nu1,ada@example.com\n' }]);
    expect(staged.loads[0]?.problem?.message).toBe(
      'column "joined_at", row 1: text of 15 characters is not exactly a date (YYYY-MM-DD)',
    );
  });

  test('in row 70,001 is found there, whatever thread read it', async () => {
    const rows = Array.from(
      { length: 90_000 },
      (_, index) => `u${index},"line\nend",${index === 70_000 ? 'x' : index}`,
    );
    await using staged = await lab.stage([{ csv: `user_id,name,messages_total\n${rows.join('\n')}\n` }]);
    expect(staged.loads[0]?.problem?.message).toContain('row 70001:');
  });

  test('never shows what DuckDB says: that quotes whole lines', async () => {
    await using staged = await lab.stage([
      { csv: 'user_id,email,messages_total\nu1,ada@example.com,x\nu2,"bob@example.com\n' },
    ]);
    const { problem } = staged.loads[0] ?? {};
    expect(problem?.cause).toBeUndefined();
    expect(`${problem?.message} ${problem?.hint} ${problem?.stack}`).not.toContain('example.com');
  });
});

describe('measured from the file', () => {
  test('totals are exact, beyond 64 bits and doubles', async () => {
    const csv = `user_id,messages_total,messages_chat,payg_consumption_in_period
u1,9223372036854775807,,99999999999999999999999999999.999999999
u2,9223372036854775807,,99999999999999999999999999999.999999999
u3,1,,0.1
`;
    await using staged = await lab.stage([{ csv }]);
    expect(staged.loads[0]?.totals).toEqual({
      messages_total: '18446744073709551615',
      payg_consumption_in_period: '200000000000000000000000000000.099999998',
    });
  });

  test('totals go by the names that the table has', async () => {
    await using staged = await lab.stage([{ csv: 'user_id,messages_total\nu1,1\n' }], {
      rename: { messages_total: 'Messages' },
    });
    expect(staged.loads[0]?.totals).toEqual({ messages: '1' });
  });

  test.each([1, 2])('how many numbers were rounded is counted, load by load, of %i', async (bodies) => {
    const csv = 'user_id,payg_limit_current,payg_consumption_in_period\nu1,0.30000000000000004,5.82e-11\nu2,0.5,1e-9\n';
    const all = [{ csv }, { csv: 'user_id,payg_limit_current,payg_consumption_in_period\nu1,1,\n' }];
    await using staged = await lab.stage(all.slice(0, bodies));
    expect(staged.loads.map((load) => load.rounded)).toEqual([2, 0].slice(0, bodies));
  });

  test.each([
    ['as it lands', {}],
    ['renamed', { rename: { org_id: 'workspace' } }],
    ['dropped', { drop: ['org_id'] }],
    ['hashed', { hash: ['org_id'], hashKey: { id: '0', key: new Secret('k') } }],
  ])('the workspace is known although its column is %s', async (_, wish) => {
    await using staged = await lab.stage(
      [{ csv: 'user_id,Org_Id\nu1,w1\nu2,w1\n' }, { csv: 'user_id,Org_Id\nu1,w2\n' }],
      wish,
    );
    expect(staged.loads.map((load) => load.orgId)).toEqual(['w1', 'w2']);
  });

  test('rows of two workspaces in one export are refused', async () => {
    await using staged = await lab.stage([{ csv: 'user_id,org_id\nu1,w1\nu2,w2\n' }]);
    expect(staged.loads[0]?.problem).toMatchObject({ code: 'ORG_MIXED' });
  });
});

describe('personal data', () => {
  const hashKey = { id: '00000000', key: new Secret("a secret, with a 'quote' and 💥") };
  const hmac = (text: string, key = hashKey.key) => createHmac('sha256', key.reveal()).update(text).digest('hex');

  test('a dropped column is nowhere in the file', async () => {
    await using staged = await lab.stage([{ csv: 'user_id,EMAIL\nu1,ada@example.com\n' }], { drop: ['email'] });
    expect(staged.columns.some((column) => column.name === 'email')).toBe(false);
    const [found] = await lab.connection.rows<{ found: boolean }>(
      `SELECT contains(content::VARCHAR, 'ada@example') AS found FROM read_blob(${quoteText(staged.file.path)})`,
    );
    expect(found?.found).toBe(false);
  });

  test('a hashed column is HMAC-SHA256 of the text as it would land, and null stays null', async () => {
    await using staged = await lab.stage([{ csv: 'user_id,email,messages_total,name\nü1,,007,""\n' }], {
      hash: ['user_id', 'email', 'messages_total', 'name'],
      hashKey,
    });
    expect(await lab.rows(staged, staged.loads[0], ['user_id', 'email', 'messages_total', 'name'])).toEqual([
      [hmac('ü1'), null, hmac('7'), hmac('')],
    ]);
  });

  test('keys longer than a block of SHA-256 hash as HMAC says', async () => {
    const key = new Secret('k'.repeat(100));
    await using staged = await lab.stage([{ csv: 'user_id\nu1\n' }], { hash: ['user_id'], hashKey: { id: '0', key } });
    expect(await lab.rows(staged, staged.loads[0], ['user_id'])).toEqual([[hmac('u1', key)]]);
  });

  test('a value of a hashed column that does not fit its type is refused, and not shown', async () => {
    await using staged = await lab.stage([{ csv: 'user_id,messages_total\nu1,abc\n' }], {
      hash: ['messages_total'],
      hashKey,
    });
    expect(staged.loads[0]?.problem?.message).toContain('text of 3 characters is not exactly an integer');
  });
});

test('an aborted staging stops, says so, and leaves no file behind', async () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => `u${index},${index}`).join('\n');
  const stop = new AbortController();
  const staging = lab.stage([{ csv: `user_id,messages_total\n${rows}\n` }], { signal: stop.signal });
  stop.abort();
  await expect(staging).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect((await readdir(lab.directory, { recursive: true })).filter((name) => name.endsWith('.parquet'))).toEqual([]);
});

test('an abort that comes between two statements is heard too', async () => {
  const stop = new AbortController();
  const staging = lab.stage([{ csv: 'user_id\nu1\n' }], { signal: stop.signal });
  await setImmediate();
  stop.abort();
  await expect(staging).rejects.toMatchObject({ code: 'INTERRUPTED' });
});

test('too little memory is an error that says which setting to raise', async () => {
  await using small = await openLab({ memoryLimit: 8_000_000 });
  const csv = `user_id\n${'x'.repeat(3_000_000)}\n`;
  await expect(small.stage([{ csv }])).rejects.toMatchObject({
    code: 'MEMORY_LIMIT',
    hint: expect.stringContaining('daemon.memory_limit'),
  });
});

test('forty bodies with a header each are one file', async () => {
  const given = Array.from({ length: 40 }, (_, day) => ({ csv: `user_id,new_${day}\nu1,${day}\n`, declared: 1 }));
  await using staged = await lab.stage(given);
  expect(staged.loads.filter((load) => load.problem === undefined && load.rows === 1)).toHaveLength(40);
  expect(await lab.rows(staged, staged.loads[23], ['new_22', 'new_23'])).toEqual([[null, '23']]);
});

test('a preview shows rows as they would land, metadata included, and leaves nothing', async () => {
  const preview = await lab.preview({ csv: 'user_id,messages_total\nu1,007\nu2,8\n', declared: 2 }, 1);
  const shown = new Map(preview.columns.map((column, index) => [column.name, preview.rows[0]?.[index]]));
  expect(preview.rows).toHaveLength(1);
  expect([shown.get('user_id'), shown.get('messages_total'), shown.get('_source')]).toEqual(['u1', '7', 'acme']);
  expect(preview.load).toMatchObject({ rows: 2, problem: undefined });
});
