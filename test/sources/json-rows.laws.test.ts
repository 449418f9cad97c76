import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonRows } from '../../src/sources/export-api/json-rows.ts';

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

/** One row, and the line that it must become. */
const row = fc
  .tuple(
    fc.uniqueArray(fc.tuple(stringText, blank, value), { maxLength: 6, selector: ([key]) => JSON.parse(key) }),
    fc.array(blank),
  )
  .map(([members, gaps]) => {
    const text = sequence(
      '{',
      '}',
      members.map(([key, space, cell]) => ({ text: `${key}${space}:${space}${cell.text}`, minified: '' })),
      gaps,
    ).text;
    const cells = members.map(([key, , cell]) => {
      if (cell.text === 'null' || cell.text.startsWith('"')) return `${key}:${cell.text}`;
      return `${key}:${JSON.stringify(cell.minified)}`;
    });
    return { text, line: `{${cells.join(',')}}\n` };
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
      lines: rows.map(({ line }) => line).join(''),
      rows: rows.length,
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

function split(chunks: readonly Buffer[]): { lines: string; rows: number | undefined } {
  const splitter = new JsonRows();
  const lines = Buffer.concat(chunks.map((chunk) => splitter.push(chunk))).toString('utf8');
  return { lines, rows: splitter.end().rows };
}

test('any document, cut anywhere, becomes its rows to the last digit', () => {
  fc.assert(
    fc.property(document, sizes, ({ text, lines, rows }, cuts) => {
      expect(split(chunked(Buffer.from(text), cuts))).toEqual({ lines, rows });
    }),
    { numRuns: 600 },
  );
});

test('every line means what its row meant', () => {
  fc.assert(
    fc.property(document, ({ text }) => {
      // V8 13.6 takes the key "\n" for a backslash where it has seen an object with such a key: JSON.parse tells nothing then.
      fc.pre(!text.includes('\\\\'));
      const { lines } = split([Buffer.from(text)]);
      const meant = (JSON.parse(text) as { data: Record<string, unknown>[] }).data;
      const got = lines
        .split('\n')
        .slice(0, -1)
        .map((line): Record<string, unknown> => JSON.parse(line));
      expect(got.map((cells) => Object.keys(cells))).toEqual(meant.map((cells) => Object.keys(cells)));
      for (const [index, cells] of got.entries()) {
        for (const [key, cell] of Object.entries(cells)) {
          const before = meant[index]?.[key];
          if (typeof before === 'string' || before === null) expect(cell).toBe(before);
          else expect(JSON.parse(String(cell))).toEqual(before);
        }
      }
    }),
    { numRuns: 300 },
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
    { numRuns: 3000 },
  );
});

test('a document cut short is never taken', () => {
  fc.assert(
    fc.property(document, fc.nat(), sizes, ({ text }, at, cuts) => {
      const bytes = Buffer.from(text.trimEnd());
      expect(isAccepted(chunked(bytes.subarray(0, at % bytes.length), cuts))).toBe(false);
    }),
    { numRuns: 500 },
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
