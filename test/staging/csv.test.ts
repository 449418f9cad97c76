import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, openLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** One CSV body, staged: its load, and its rows as text. */
async function land(csv: string | Buffer, columns: readonly string[], declared?: number) {
  await using staged = await lab.stage([{ csv, ...(declared === undefined ? {} : { declared }) }]);
  const [load] = staged.loads;
  return { load, rows: (await lab.rows(staged, load, columns)).sort(), columns: staged.columns };
}

describe('a CSV field lands as it is', () => {
  test('by its header, in whatever order and case the columns come (case b01)', async () => {
    await using staged = await lab.stage([
      { csv: 'user_id,name,email,role\nu1,Ada,ada@example.com,admin\n', declared: 1 },
      { csv: 'NAME,role,User_Id,email\nAda,admin,u1,ada@example.com\n', declared: 1 },
    ]);
    const [first, second] = staged.loads;
    const columns = ['user_id', 'name', 'email', 'role'];
    expect(await lab.rows(staged, first, columns)).toEqual([['u1', 'Ada', 'ada@example.com', 'admin']]);
    expect(await lab.rows(staged, second, columns)).toEqual([['u1', 'Ada', 'ada@example.com', 'admin']]);
    expect(second?.fingerprint).toBe(first?.fingerprint);
  });

  test('ids that look like numbers, dates or nothing are texts (case b02)', async () => {
    const ids = ['00123', '1e5', 'TRUE', 'NaN', 'Infinity', '2026-01-01', '-0', '0x1F', 'null', 'NULL', 'NA', '\\N'];
    const csv = `user_id,messages_total\n${ids.map((id, index) => `${id},${index + 1}\n`).join('')}`;
    const { load, rows } = await land(csv, ['messages_total', 'user_id'], 12);
    expect(load?.problem).toBeUndefined();
    expect(new Map(rows.map(([number, id]) => [Number(number), id]))).toEqual(
      new Map(ids.map((id, index) => [index + 1, id])),
    );
  });

  test('an empty field is null, a quoted empty one the empty string; of other types both are null (case b06)', async () => {
    const { rows } = await land('user_id,name,department,messages_total,joined_at\nu1,"",,"",\nu2,,"",,""\n', [
      'user_id',
      'name',
      'department',
      'messages_total',
      'joined_at',
    ]);
    expect(rows).toEqual([
      ['u1', '', null, null, null],
      ['u2', null, '', null, null],
    ]);
  });

  test('line ends inside quotes stay as they are, in a CRLF file too (case b07)', async () => {
    const csv = 'user_id,name\r\nu1,"A\r\nB"\r\nu2,"C\nD"\r\nu3,"E\rF"\r\n';
    const { rows } = await land(csv, ['user_id', 'name'], 3);
    expect(rows).toEqual([
      ['u1', 'A\r\nB'],
      ['u2', 'C\nD'],
      ['u3', 'E\rF'],
    ]);
  });

  test.each([
    ['once', '\uFEFF'],
    ['twice', '\uFEFF\uFEFF'],
  ])('a byte order mark before a quoted header is no part of a name: %s (case b09)', async (_, mark) => {
    const { rows, columns } = await land(`${mark}"user_id","messages_total"\r\n"u,1",1\r\n`, ['user_id'], 1);
    expect(rows).toEqual([['u,1']]);
    expect(columns.some((column) => /[^a-z_]/.test(column.name))).toBe(false);
  });

  test('a NUL is a character like another (case b17)', async () => {
    const { rows } = await land(Buffer.from('user_id,name\nu1,a\0b\n'), ['name'], 1);
    expect(rows).toEqual([['a\0b']]);
  });

  test('backslashes are letters (case b24)', async () => {
    const { rows } = await land('user_id,name\n1,"C:\\dir\\"\n2,a\\nb\n3,"say ""hi"""\n', ['user_id', 'name'], 3);
    expect(rows).toEqual([
      ['1', 'C:\\dir\\'],
      ['2', 'a\\nb'],
      ['3', 'say "hi"'],
    ]);
  });

  test('a cell of three million letters lands whole, beside bodies of usual width (case b18)', async () => {
    await using staged = await lab.stage([
      { csv: `user_id,name\nu1,${'x'.repeat(3_000_000)}\n`, declared: 1 },
      { csv: 'user_id,name\nu2,y\n', declared: 1 },
    ]);
    const [wide, usual] = staged.loads;
    expect(staged.loads.map((load) => load.problem)).toEqual([undefined, undefined]);
    expect((await lab.rows(staged, wide, ['name']))[0]?.[0]).toHaveLength(3_000_000);
    expect(await lab.rows(staged, usual, ['name'])).toEqual([['y']]);
  });

  test('values of several lines land whole in a file so long that DuckDB gives it to two threads', async () => {
    const value = (n: number) => `Helps with:\n- letters, mails\n- "quotes"\nu1,x\n${'lorem, ipsum\n'.repeat(n % 90)}`;
    const texts = Array.from({ length: 16_000 }, (_, n) => value(n));
    const records = texts.map((text, n) => `u${n},"${text.replaceAll('"', '""')}"\n`);
    const { load, rows } = await land(`user_id,name\n${records.join('')}`, ['user_id', 'name'], texts.length);
    expect(load?.problem).toBeUndefined();
    const landed = new Map(rows.map(([id, name]) => [id, name]));
    expect(texts.filter((text, n) => landed.get(`u${n}`) !== text)).toEqual([]);
  });

  test.each(['user_id,"seat\ntier"\r\nu1,x\r\n', 'user_id,"seat\r\ntier"\nu1,x\n', '"user_id","seat\rtier"\nu1,x'])(
    'a line end in a name is refused: DuckDB would find no rows in %j',
    async (csv) => {
      await using staged = await lab.stage([{ csv, declared: 0 }]);
      expect(staged.loads[0]?.problem).toMatchObject({
        code: 'COLUMN_REFUSED',
        message: expect.stringContaining('line end'),
      });
    },
  );

  test('the last line needs no line end', async () => {
    const { load, rows } = await land('user_id,messages_total\nu1,1\nu2,2', ['user_id', 'messages_total'], 2);
    expect(load?.problem).toBeUndefined();
    expect(rows).toEqual([
      ['u1', '1'],
      ['u2', '2'],
    ]);
  });

  test('columns named like SQL words land under their names (case d02)', async () => {
    const words = ['order', 'group', 'default', 'table', 'select', 'date', 'desc', 'start'];
    const { rows } = await land(
      `user_id,${words.join(',')},messages_total\nu1,1,2,3,4,5,2026-01-01,7,8,9\n`,
      [...words, 'messages_total'],
      1,
    );
    expect(rows).toEqual([['1', '2', '3', '4', '5', '2026-01-01', '7', '8', '9']]);
  });

  test('columns and map keys named __proto__ and constructor land, and touch nothing (case b22)', async () => {
    const map = '"{""__proto__"": 3, ""constructor"": 1, ""gpt-x"": 2}"';
    const { rows } = await land(`user_id,__proto__,constructor,model_to_messages_total\nu1,p,c,${map}\n`, [
      '__proto__',
      'constructor',
      'model_to_messages_total',
    ]);
    expect(rows).toEqual([['p', 'c', '{"__proto__":3,"constructor":1,"gpt-x":2}']]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('a body that is not whole never lands', () => {
  test.each([
    ['with a line end', 'user_id,messages_total\n'],
    ['without one', 'user_id,messages_total'],
  ])('a header alone has no rows, which is right where recordCount says so: %s (case b13)', async (_, csv) => {
    expect((await land(csv, [], 0)).load).toMatchObject({ rows: 0, problem: undefined });
    const { load } = await land(csv, [], 3);
    expect(load?.problem).toMatchObject({ code: 'BODY_SHORT', scope: 'period', retryable: true });
    expect(load?.problem?.message).toBe('the export holds 0 rows, its recordCount says 3');
  });

  test('more rows than recordCount says is a difference too; record_count: warn only says so', async () => {
    const csv = 'user_id\nu1\nu2\n';
    expect((await land(csv, [], 1)).load?.problem?.code).toBe('BODY_SHORT');
    await using staged = await lab.stage([{ csv, declared: 1, strict: false }]);
    expect(staged.loads[0]).toMatchObject({
      problem: undefined,
      rows: 2,
      remarks: ['the export holds 2 rows, its recordCount says 1'],
    });
  });

  test.each([
    ['nothing at all', '', 'BODY_SHORT', 'not even a header'],
    ['a last line that ends early', 'user_id,name\nu1,a\nu2', 'BODY_SHORT', 'in the middle of row 2'],
    ['a quote that is never closed', 'user_id,name\nu1,a\nu2,"b\n', 'BODY_SHORT', 'in a quoted field'],
    [
      'a character cut in two',
      Buffer.from('user_id,name\nu1,é').subarray(0, -1),
      'BODY_SHORT',
      'middle of a character',
    ],
    [
      'a line with too few fields',
      'user_id,name\nu1\nu2,b\n',
      'BODY_MALFORMED',
      'has 1 field in row 1, where the header has 2',
    ],
    ['a line with too many fields', 'user_id,name\nu1,a,b\nu2,b\n', 'BODY_MALFORMED', 'has 3 fields in row 1'],
    ['text behind a closing quote', 'user_id,name\nu1,"a"b\n', 'BODY_MALFORMED', 'behind a closing quote in row 1'],
    ['two kinds of line ends', 'user_id,name\nu1,a\r\nu2,b\n', 'BODY_MALFORMED', 'ends lines in two ways'],
    ['bytes that are not UTF-8', Buffer.from('user_id,name\nu1,\xff\xfe\n', 'latin1'), 'BODY_MALFORMED', 'not UTF-8'],
    ['a page of a proxy', '<html>\n<body>Gateway</body>\n', 'BODY_MALFORMED', 'names no column'],
  ])('%s', async (_, csv, code, message) => {
    const { load } = await land(csv, []);
    expect(load).toMatchObject({ problem: { code, scope: 'period' } });
    expect(load?.problem?.message).toContain(message);
  });

  test('a doubled column fails its period, and its neighbours land (case b10)', async () => {
    await using staged = await lab.stage([
      { csv: 'user_id,name,name\nu1,a,b\n' },
      { csv: 'user_id,Name,NAME\nu1,a,b\n' },
      { csv: 'user_id,name\nu1,a\n' },
    ]);
    expect(staged.loads.map((load) => load.problem?.code)).toEqual(['COLUMN_REFUSED', 'COLUMN_REFUSED', undefined]);
    expect(staged.columns.some((column) => column.name === 'name_1')).toBe(false);
  });
});

test('bodies fail alone: of a batch with every fault, the whole ones land', async () => {
  await using staged = await lab.stage([
    { csv: 'user_id,messages_total\nu1,1\n', declared: 1 },
    { csv: 'user_id,messages_total\nu1,1.5\n', declared: 1 },
    { csv: 'user_id,messages_total\nu2,"2\n', declared: 1 },
    { csv: 'user_id,messages_total\nu3,3\n', declared: 2 },
    { csv: 'user_id,messages_total\nu4,4\nu5\nu6,6\n', declared: 3 },
    { csv: 'user_id,messages_total\nu7,7\n', declared: 1 },
  ]);
  expect(staged.loads.map((load) => load.problem?.code)).toEqual([
    undefined,
    'VALUE_MISFIT',
    'BODY_SHORT',
    'BODY_SHORT',
    'BODY_MALFORMED',
    undefined,
  ]);
  expect(await lab.rows(staged, staged.loads[0], ['user_id', 'messages_total'])).toEqual([['u1', '1']]);
  expect(await lab.rows(staged, staged.loads[5], ['user_id', 'messages_total'])).toEqual([['u7', '7']]);
});
