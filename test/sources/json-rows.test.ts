import { describe, expect, test } from 'vitest';
import { type Envelope, JsonRows, type Sizes } from '../../src/sources/export-api/json-rows.ts';

/** The CSV that a document becomes, and what it says besides. */
function split(document: string | Buffer, chunk = 7, sizes: Partial<Sizes> = {}): { csv: string; envelope: Envelope } {
  const bytes = Buffer.from(document as string);
  const rows = new JsonRows({ batch: 0, ...sizes });
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunk) pieces.push(rows.push(bytes.subarray(at, at + chunk)));
  pieces.push(rows.end());
  return { csv: Buffer.concat(pieces).toString(), envelope: rows.envelope };
}

const answer = (data: string) => `{"success":true,"data":${data},"metadata":{"recordCount":1}}`;
const csvOf = (rows: string) => split(answer(`[${rows}]`)).csv;
const layoutOf = (rows: string) => split(answer(`[${rows}]`)).envelope.layout;

describe('a row of a JSON answer', () => {
  test('has its strings in quotes, with every character as it is', () => {
    expect(csvOf('{"a": "Zo\\u00eb \\"x\\" \\\\ \\/ 中文 \\ud83d\\ude00 👩‍💻 e\u0301 a\\u0000b\\n","b":""}')).toBe(
      '"Zoë ""x"" \\ / 中文 😀 👩‍💻 e\u0301 a\0b\n",""\n',
    );
  });

  test('has its numbers as the text they were written as, to the digit', () => {
    expect(csvOf('{"a":12345678901234567890,"b":-0.10,"c":5.82e-11,"d":1E+3,"e":0}')).toBe(
      '12345678901234567890,-0.10,5.82e-11,1E+3,0\n',
    );
  });

  test('has its booleans as text, and null as nothing', () => {
    expect(csvOf('{"a":true,"b":false,"c":null,"d":"null"}')).toBe('true,false,,"null"\n');
  });

  test('has objects and arrays as minified text, keys in their order, numbers to the digit', () => {
    const map = '{"z": 1.50, "10": [ true , null ], "2": {"a \\"b": "c\\\\d\\u00e9"} }';
    expect(csvOf(`{"m": ${map}, "n": [ ]}`)).toBe(
      `${quoted('{"z":1.50,"10":[true,null],"2":{"a \\"b":"c\\\\d\\u00e9"}}')},"[]"\n`,
    );
  });

  test('keeps keys named __proto__ and constructor (case b22)', () => {
    const row = '{"__proto__":"x","constructor":1,"m":{"__proto__":3,"constructor":1}}';
    expect(csvOf(row)).toBe('"x",1,"{""__proto__"":3,""constructor"":1}"\n');
    expect(layoutOf(row).columns).toEqual(['__proto__', 'constructor', 'm']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('is one line, whatever blanks and line ends it was written with', () => {
    expect(csvOf('\r\n\t{ "a" :\n 1\r\n,"b"\t:"x" }\n')).toBe('1,"x"\n');
  });

  test('has every value where its column is, whatever the order and number of its keys', () => {
    expect(csvOf('{"a":1,"b":2,"c":3},{"c":"c"},{"b":2,"a":"a, b"},{},{"c":{"x":[1]},"b":"","a":null}')).toBe(
      '1,2,3\n,,"c"\n"a, b",2,\n,,\n,"","{""x"":[1]}"\n',
    );
  });

  test('is read alike after many of its kind, whatever it has otherwise', () => {
    const usual = '{"a": 1, "b":"x" ,"c": null}';
    const others = [
      ['{"a": 1, "b":"x" ,"c": 2, "d": 3}', '1,"x",2,3\n'],
      ['{"a": 1, "b":"x"}', '1,"x",\n'],
      ['{"a": 1, "c":"x" ,"b": 2}', '1,2,"x"\n'],
      ['{"a":1,"b":"\\n","c":{"a": [ ]}}', '1,"\n","{""a"":[]}"\n'],
      ['{"a": 1.5, "b":-0 ,"c": true}', '1.5,-0,true\n'],
    ] as const;
    for (const [other, expected] of others) {
      const before = '1,"x",\n';
      const after = other.includes('"d"') ? '1,"x",,\n' : before;
      expect(csvOf([usual, usual, other, usual].join())).toBe(before + before + expected + after);
    }
    expect(() => csvOf([usual, usual, '{"a": 1, "b":"x" ,"a": 2}'].join())).toThrow('row 3');
    for (const wrong of ['{"a": 01, "b":"x" ,"c": 2}', '{"a": 1, "b":x ,"c": 2}', '{"a": 1, "b":"x" ,"c": 2']) {
      expect(() => csvOf([usual, wrong, usual].join())).toThrow(/malformed/);
    }
  });

  test('has two fields at least, so that no line is empty', () => {
    expect(csvOf('{},{"a":null},{"a":1}')).toBe(',\n,\n1,\n');
  });

  test('from before a column turns up lacks its field, and that is said', () => {
    const rows = '{"a":1,"b":2},{"c":3,"a":1}';
    expect(csvOf(rows)).toBe('1,2\n1,,3\n');
    expect(layoutOf(rows)).toMatchObject({ columns: ['a', 'b', 'c'], isRagged: true });
    expect(layoutOf('{"a":1},{"b":2}').isRagged).toBe(false);
  });

  test('that spans lines, or is long, is told of', () => {
    expect(layoutOf('{"a":"x"},{"a":1,"b":null}')).toMatchObject({ spansLines: false, longestRow: 5 });
    for (const text of ['\\n', '\\r', '\\u000a', '\\u000D'])
      expect(layoutOf(`{"a":"x${text}y"}`).spansLines).toBe(true);
    expect(layoutOf(`{"a":"${'x'.repeat(1000)}"}`).longestRow).toBe(1004);
  });

  test('fails its period where it has one key twice, naming key and row (case b21)', () => {
    const twice = () => csvOf('{"user_id":"u0"},{"user_id":"u1","messages_total":1,"messages_total":2}');
    expect(twice).toThrow(
      expect.objectContaining({
        code: 'VALUE_MISFIT',
        scope: 'period',
        retryable: false,
        message: 'row 2 of the JSON answer has the key "messages_total" twice',
      }),
    );
    expect(() => csvOf('{"a":1,"\\u0061":2}')).toThrow(expect.objectContaining({ code: 'VALUE_MISFIT' }));
    expect(() => csvOf('{"a":1,"b":1},{"b":1,"a":1},{"a":1,"b":1,"a":1}')).toThrow('row 3');
  });

  test.each(['{"a":"\\ud800"}', '{"a":"x\\udc00y"}', '{"\\ud800":1}'])(
    'fails its period where it holds half a character: %s',
    (row) => {
      expect(() => csvOf(`{"a":1},${row}`)).toThrow(
        expect.objectContaining({
          code: 'VALUE_MISFIT',
          retryable: false,
          message: expect.stringMatching(/^row 2 of the JSON answer holds half a character/),
        }),
      );
    },
  );

  test('far longer than what is held of one is malformed; shorter ones may follow each other without end', () => {
    const row = `{"a":"${'x'.repeat(900)}"}`;
    expect(split(answer(`[${row},${row},${row}]`), 64, { longestPart: 1000 }).envelope.rows).toBe(3);
    expect(() => split(answer(`[${row},{"a":"${'x'.repeat(5000)}"}]`), 64, { longestPart: 1000 })).toThrow(
      expect.objectContaining({
        code: 'BODY_MALFORMED',
        message: 'row 2 of the JSON answer is longer than 1000 bytes',
      }),
    );
  });
});

describe('a JSON answer', () => {
  test('may say its recordCount before or after its rows', () => {
    const metadata = '"metadata":{"dataType":"users","recordCount":1,"dateRange":{"from":"x"}}';
    for (const document of [`{${metadata},"data":[{}],"success":true}`, `{"success":true,"data":[{}],${metadata}}`]) {
      const { envelope, csv } = split(document);
      expect(csv).toBe(',\n');
      expect(envelope.rows).toBe(1);
      expect(envelope.beside.get('metadata')).toMatchObject({ recordCount: 1 });
      expect(envelope.beside.get('success')).toBe(true);
    }
  });

  test('may have no rows, and things beside them that nobody knows', () => {
    const { csv, envelope } = split('{"x":[1,{"data":[{"a":1}]}],"data":[],"y":"\\"data\\":","z":-1.5e3}');
    expect(csv).toBe('');
    expect(envelope).toMatchObject({ rows: 0 });
  });

  test('knows every key that any of its rows has, each once', () => {
    const { columns } = layoutOf('{"b":1,"a":{"x":1}},{},{"A":2,"\\u0062":3},{"c d":null}');
    expect(columns).toEqual(['b', 'a', 'A', 'c d']);
  });

  test('without data says so', () => {
    expect(split('{"success":false,"message":"no"}').envelope).toMatchObject({
      rows: undefined,
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
    ['a key as long as a document', `{"data":[{"${'k'.repeat(100_000)}":1}]}`],
    ['metadata as long as a document', `{"metadata":"${'m'.repeat(100_000)}"}`],
  ])('with %s is malformed', (_what, document) => {
    expect(() => split(document, 4096)).toThrow(expect.objectContaining({ code: 'BODY_MALFORMED' }));
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
    expect(() => csvOf('{"email":"ada@example.com"x}')).toThrow(/^the JSON answer is malformed at byte \d+$/);
  });

  test('that is malformed is asked for again', () => {
    expect(() => split('{"data":[{"a":1},]}')).toThrow(expect.objectContaining({ scope: 'period', retryable: true }));
  });

  test('of any size keeps no more than a batch and a row', () => {
    const rows = new JsonRows();
    const row = Buffer.from(`${JSON.stringify({ user_id: 'u', text: 'x'.repeat(65_000), n: 1 })},`);
    rows.push(Buffer.from('{"data":['));
    let written = 0;
    for (let count = 0; count < 200; count += 1) {
      const length = rows.push(row).length;
      written += length;
      expect(length).toBeLessThan(262_144 + row.length);
    }
    expect(written).toBeGreaterThan(195 * 65_000);
  });
});

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
