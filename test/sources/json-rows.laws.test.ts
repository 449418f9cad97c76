import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonRows } from '../../src/sources/export-api/json-rows.ts';
import { cases } from '../faults/rounds.ts';

/** A JSON value as it was written, and as minified text. */
interface Written {
  readonly text: string;
  readonly minified: string;
}

const blank = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n');
const digits = fc.stringMatching(/^[0-9]{1,25}$/);

/** A string in one of the many ways to write it. */
const stringText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 5 }).map((text) => JSON.stringify(text).slice(1, -1)),
      fc.constantFrom('\\"', '\\\\', '\\/', '\\u0041', '\\ud83d\\ude00', '\\u0000', '\\n', '中文', '👩‍💻', '\u2028'),
    ),
    { maxLength: 6 },
  )
  .map((parts) => `"${parts.join('')}"`);

const numberText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constant('0'),
      digits.map((text) => text.replace(/^0+(?=.)/, '')),
    ),
    fc.option(
      digits.map((text) => `.${text}`),
      { nil: '' },
    ),
    fc.option(
      fc
        .tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), fc.stringMatching(/^\d{1,3}$/))
        .map((exponent) => exponent.join('')),
      { nil: '' },
    ),
  )
  .map((parts) => parts.join(''));

const scalar = fc
  .oneof(stringText, numberText, fc.constantFrom('true', 'false', 'null'))
  .map((text): Written => ({ text, minified: text }));

function sequence(open: string, close: string, parts: readonly Written[], gaps: readonly string[]): Written {
  const gap = (index: number): string => gaps[index % Math.max(1, gaps.length)] ?? '';
  const text = parts.map((part, index) => gap(index) + part.text + gap(index + 1)).join(',');
  return {
    text: `${open}${parts.length === 0 ? gap(0) : text}${close}`,
    minified: `${open}${parts.map((part) => part.minified).join(',')}${close}`,
  };
}

const { value } = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.array(tie('value'), { maxLength: 4 }), fc.array(blank))
      .map(([items, gaps]) => sequence('[', ']', items, gaps)),
    fc
      .tuple(fc.array(fc.tuple(stringText, blank, tie('value')), { maxLength: 4 }), fc.array(blank))
      .map(([members, gaps]) =>
        sequence(
          '{',
          '}',
          members.map(([key, space, item]) => ({
            text: `${key}${space}:${space}${item.text}`,
            minified: `${key}:${item.minified}`,
          })),
          gaps,
        ),
      ),
  ),
}));

type Cells = Readonly<Record<string, string | null>>;

/** One row, and the texts that it must become. */
const row = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.oneof(stringText, fc.constantFrom('"a"', '"b"', '"c"')), blank, value), {
      maxLength: 6,
      selector: ([key]) => JSON.parse(key),
    }),
    fc.array(blank),
  )
  .map(([members, gaps]) => {
    const text = sequence(
      '{',
      '}',
      members.map(([key, space, cell]) => ({ text: `${key}${space}:${space}${cell.text}`, minified: '' })),
      gaps,
    ).text;
    const cells = members.flatMap(([key, , cell]): [string, string][] => {
      if (cell.text === 'null') return [];
      return [[JSON.parse(key), cell.text.startsWith('"') ? JSON.parse(cell.text) : cell.minified]];
    });
    return { text, cells: asRecord(cells) };
  });

const document = fc
  .tuple(fc.array(row, { maxLength: 6 }), fc.array(blank), fc.boolean(), value)
  .map(([rows, gaps, first, other]) => {
    const data = sequence(
      '[',
      ']',
      rows.map(({ text }) => ({ text, minified: '' })),
      gaps,
    ).text;
    const metadata = `"metadata": {"recordCount": ${rows.length}}, "other":${other.text}`;
    return {
      text: first ? ` {${metadata} , "data" :${data}}\n` : `{"success":true,"data": ${data},${metadata}} `,
      rows: rows.map(({ cells }) => cells),
    };
  });

/** Cuts anywhere, also within a character. */
function chunked(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

/** The cells of every row, nulls left out, as a reader of CSV finds them. */
function split(chunks: readonly Buffer[]): Cells[] | undefined {
  const splitter = new JsonRows({ batch: 0 });
  const csv = Buffer.concat([...chunks.map((chunk) => splitter.push(chunk)), splitter.end()]).toString('utf8');
  const { rows, layout } = splitter.envelope;
  const { columns, isRagged, spansLines, longestRow } = layout;
  const width = Math.max(2, columns.length);
  const records = recordsOf(csv);
  expect(Math.max(0, ...records.map(({ text }) => Buffer.byteLength(text)))).toBe(longestRow);
  expect(records.some(({ fields }) => fields.length < width)).toBe(isRagged);
  expect(records.every(({ fields }) => fields.length <= width && fields.length >= 2)).toBe(true);
  expect(records.some(({ fields }) => fields.some((field) => /[\r\n]/.test(field ?? '')))).toBe(spansLines);
  const cells = records.map(({ fields }) =>
    asRecord(
      fields.flatMap((field, index): [string, string][] => (field === null ? [] : [[columns[index] ?? '?', field]])),
    ),
  );
  return rows === undefined ? undefined : cells;
}

/** RFC 4180; an empty field without quotes is null. */
function recordsOf(csv: string): { text: string; fields: (string | null)[] }[] {
  const records: { text: string; fields: (string | null)[] }[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\n]*))([,\n])/y;
  let fields: (string | null)[] = [];
  let start = 0;
  while (field.lastIndex < csv.length) {
    const [, quoted, bare = '', end] = field.exec(csv) ?? [];
    if (end === undefined) throw new Error(`no CSV: ${JSON.stringify(csv)}`);
    fields.push(quoted?.replaceAll('""', '"') ?? (bare === '' ? null : bare));
    if (end === ',') continue;
    records.push({ text: csv.slice(start, field.lastIndex), fields });
    start = field.lastIndex;
    fields = [];
  }
  return records;
}

/** Also where a key is __proto__. */
function asRecord(cells: readonly (readonly [string, string])[]): Cells {
  return Object.fromEntries([...cells].sort(([a], [b]) => (a < b ? -1 : 1)));
}

test('any document, cut anywhere, becomes its rows to the last digit', () => {
  fc.assert(
    fc.property(document, sizes, ({ text, rows }, cuts) => {
      expect(split(chunked(Buffer.from(text), cuts))).toEqual(rows);
    }),
    { numRuns: cases(900) },
  );
});

test('rows of one shape with a stranger among them, cut anywhere, become what each becomes alone', () => {
  const shape = fc.uniqueArray(stringText, { minLength: 1, maxLength: 5, selector: (key) => JSON.parse(key) });
  const alike = shape.chain((keys) =>
    fc
      .tuple(
        fc.array(blank, { minLength: 1 }),
        fc.array(fc.tuple(...keys.map(() => value)), { minLength: 2, maxLength: 6 }),
      )
      .map(([gaps, table]) =>
        table.map(
          (cells) =>
            sequence(
              '{',
              '}',
              cells.map((cell, index) => ({ text: `${keys[index]}:${cell.text}`, minified: '' })),
              gaps,
            ).text,
        ),
      ),
  );
  const dataOf = (rows: readonly string[]) => Buffer.from(`{"data":[${rows.join(',')}]}`);
  fc.assert(
    fc.property(alike, row, fc.nat(), sizes, (rows, stranger, at, cuts) => {
      const all = rows.toSpliced(at % (rows.length + 1), 0, stranger.text);
      expect(split(chunked(dataOf(all), cuts))).toEqual(all.flatMap((one) => split([dataOf([one])]) ?? []));
    }),
    { numRuns: cases(300) },
  );
});

test('a document with any bytes changed is taken only where it is still JSON', () => {
  const change = fc.tuple(
    fc.nat(),
    fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...Buffer.from('{}[]",:\\0e-'))),
  );
  fc.assert(
    fc.property(document, fc.array(change, { minLength: 1, maxLength: 4 }), sizes, ({ text }, changes, cuts) => {
      const bytes = Buffer.from(text);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      if (isAccepted(chunked(bytes, cuts))) expect(isJson(bytes)).toBe(true);
    }),
    { numRuns: cases(3000) },
  );
});

test('a document cut short is never taken', () => {
  fc.assert(
    fc.property(document, fc.nat(), sizes, ({ text }, at, cuts) => {
      const bytes = Buffer.from(text.trimEnd());
      expect(isAccepted(chunked(bytes.subarray(0, at % bytes.length), cuts))).toBe(false);
    }),
    { numRuns: cases(500) },
  );
});

function isAccepted(chunks: readonly Buffer[]): boolean {
  try {
    split(chunks);
    return true;
  } catch {
    return false;
  }
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}
