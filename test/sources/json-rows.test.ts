import { describe, expect, test } from 'vitest';
import { type Envelope, JsonRows } from '../../src/sources/export-api/json-rows.ts';

/** The lines that a document becomes, and what stands around its rows. */
function split(document: string | Buffer, chunk = 7): { lines: string; envelope: Envelope } {
  const bytes = Buffer.from(document as string);
  const rows = new JsonRows();
  let lines = '';
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunk) pieces.push(rows.push(bytes.subarray(at, at + chunk)));
  lines = Buffer.concat(pieces).toString();
  return { lines, envelope: rows.end() };
}

const answer = (data: string) => `{"success":true,"data":${data},"metadata":{"recordCount":1}}`;
const line = (row: string) => split(answer(`[${row}]`)).lines;

describe('a row of a JSON answer', () => {
  test('keeps its strings as they were written', () => {
    expect(line('{"name": "Zo\\u00eb \\"x\\" \\\\ 中文 👩‍💻 e\u0301 a\\u0000b"}')).toBe(
      '{"name":"Zo\\u00eb \\"x\\" \\\\ 中文 👩‍💻 e\u0301 a\\u0000b"}\n',
    );
  });

  test('has its numbers as the text they were written as, to the digit', () => {
    expect(line('{"a":12345678901234567890,"b":-0.10,"c":5.82e-11,"d":1E+3,"e":0}')).toBe(
      '{"a":"12345678901234567890","b":"-0.10","c":"5.82e-11","d":"1E+3","e":"0"}\n',
    );
  });

  test('has its booleans as text, and null as null', () => {
    expect(line('{"a":true,"b":false,"c":null,"d":"null"}')).toBe('{"a":"true","b":"false","c":null,"d":"null"}\n');
  });

  test('has objects and arrays as minified text, keys in their order, numbers to the digit', () => {
    const map = '{"z": 1.50, "10": [ true , null ], "2": {"a\\"b": "c\\\\d"} }';
    const { lines } = split(answer(`[{"m": ${map}}]`));
    expect(JSON.parse(lines).m).toBe('{"z":1.50,"10":[true,null],"2":{"a\\"b":"c\\\\d"}}');
  });

  test('keeps keys named __proto__ and constructor (case b22)', () => {
    const { lines } = split(answer('[{"__proto__":"x","constructor":1,"m":{"__proto__":3,"constructor":1}}]'));
    expect(lines).toBe('{"__proto__":"x","constructor":"1","m":"{\\"__proto__\\":3,\\"constructor\\":1}"}\n');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('is one line, whatever blanks and line ends it was written with', () => {
    expect(line('\r\n\t{ "a" :\n 1\r\n,"b"\t:"x" }\n')).toBe('{"a":"1","b":"x"}\n');
  });

  test('leaves out the keys that it does not have, and may have its own order', () => {
    expect(line('{"a":1,"b":2},{"b":3},{},{"b":4,"a":5}')).toBe(
      '{"a":"1","b":"2"}\n{"b":"3"}\n{}\n{"b":"4","a":"5"}\n',
    );
  });

  test('fails its period where it has one key twice, naming key and row (case b21)', () => {
    const twice = () => line('{"user_id":"u0"},{"user_id":"u1","messages_total":1,"messages_total":2}');
    expect(twice).toThrow(
      expect.objectContaining({
        code: 'VALUE_MISFIT',
        scope: 'period',
        retryable: false,
        message: 'row 2 of the JSON answer has the key "messages_total" twice',
      }),
    );
    expect(() => line('{"a":1,"\\u0061":2}')).toThrow(expect.objectContaining({ code: 'VALUE_MISFIT' }));
    expect(() => line('{"a":1,"b":1},{"b":1,"a":1},{"a":1,"b":1,"a":1}')).toThrow('row 3');
  });
});

describe('a JSON answer', () => {
  test('may say its recordCount before or after its rows', () => {
    const metadata = '"metadata":{"dataType":"users","recordCount":1,"dateRange":{"from":"x"}}';
    for (const document of [`{${metadata},"data":[{}],"success":true}`, `{"success":true,"data":[{}],${metadata}}`]) {
      const { envelope, lines } = split(document);
      expect(lines).toBe('{}\n');
      expect(envelope.rows).toBe(1);
      expect(envelope.beside.get('metadata')).toMatchObject({ recordCount: 1 });
      expect(envelope.beside.get('success')).toBe(true);
    }
  });

  test('may have no rows, and things beside them that nobody knows', () => {
    const { lines, envelope } = split('{"x":[1,{"data":[{"a":1}]}],"data":[],"y":"\\"data\\":","z":-1.5e3}');
    expect(lines).toBe('');
    expect(envelope).toMatchObject({ rows: 0 });
  });

  test('knows every key that any of its rows has, each once', () => {
    const { envelope } = split(answer('[{"b":1,"a":{"x":1}},{},{"A":2,"\\u0062":3},{"c d":null}]'));
    expect(envelope.columns).toEqual(['b', 'a', 'A', 'c d']);
  });

  test('without data says so', () => {
    expect(split('{"success":false,"message":"no"}').envelope).toEqual({
      rows: undefined,
      columns: [],
      beside: new Map<string, unknown>([
        ['success', false],
        ['message', 'no'],
      ]),
    });
  });

  test.each([
    ['no object', '[{"a":1}]'],
    ['rows that are no list', answer('{"a":1}')],
    ['a row that is no object', answer('[{"a":1},2]')],
    ['data twice', '{"data":[],"data":[]}'],
    ['a comma too many', answer('[{"a":1},]')],
    ['something behind its end', `${answer('[]')}x`],
    ['a number with a leading zero', answer('[{"a":01}]')],
    ['a number without digits', answer('[{"a":-}]')],
    ['a word that is none', answer('[{"a":nul}]')],
    ['NaN', answer('[{"a":NaN}]')],
    ['an escape that is none', answer('[{"a":"\\x"}]')],
    ['a bare control character', answer('[{"a":"\u0001"}]')],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"data":[{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}]}')]),
    ],
    [
      'a character that never ends',
      Buffer.concat([Buffer.from('{"data":[{"a":"'), Buffer.from([0xe4, 0xb8]), Buffer.from('"}]}')]),
    ],
    ['lists without end', answer(`[{"a":${'['.repeat(5000)}`)],
    ['a key without end', `{"data":[{"${'k'.repeat(100_000)}`],
    ['metadata without end', `{"metadata":"${'m'.repeat(100_000)}`],
  ])('with %s is malformed, and asked for again', (_what, document) => {
    expect(() => split(document, 4096)).toThrow(expect.objectContaining({ code: 'BODY_MALFORMED', retryable: true }));
  });

  test('that ends anywhere before its last byte is short', () => {
    const document = answer('[{"a":"x","m":{"k":[1.5]}},{"b":null}]');
    for (let length = 0; length < document.length; length += 1) {
      expect(() => split(document.slice(0, length))).toThrow(
        expect.objectContaining({ code: 'BODY_SHORT', retryable: true }),
      );
    }
  });

  test('never shows a value in what it says is wrong', () => {
    expect(() => line('{"email":"ada@example.com"x}')).toThrow(/^the JSON answer is malformed at byte \d+$/);
  });

  test('of any size takes no more memory than its chunks', () => {
    const rows = new JsonRows();
    const row = Buffer.from(`${JSON.stringify({ user_id: 'u', text: 'x'.repeat(65_000), n: 1 })},`);
    rows.push(Buffer.from('{"data":['));
    let largest = 0;
    for (let count = 0; count < 200; count += 1) largest = Math.max(largest, rows.push(row).length);
    expect(largest).toBeLessThan(row.length + 100);
    const cell = Buffer.alloc(65_536, 'y');
    rows.push(Buffer.from('{"long":"'));
    for (let count = 0; count < 100; count += 1) expect(rows.push(cell).length).toBe(cell.length);
  });
});
