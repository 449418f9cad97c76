import { describe, expect, test } from 'vitest';
import { clip, printable, textTable, width } from '../../src/cli/table.ts';

describe('a text table', () => {
  test('lines up words to the left and numbers to the right, also beside wide characters and colours', () => {
    const columns = [
      { title: 'name', align: 'left' },
      { title: 'n', align: 'right' },
    ] as const;
    const rows = [
      ['東京', '1'],
      ['👩‍👩‍👧 🇩🇪', '22'],
      ['\u001b[31mred\u001b[39m', '333'],
      ['', '4'],
    ];
    expect(textTable(columns, rows).map((line) => width(line))).toEqual([10, 10, 10, 10, 10]);
  });

  test('takes a hundred thousand rows', () => {
    const rows = Array.from({ length: 150_000 }, (_, i) => [String(i)]);
    expect(textTable([{ title: 'n', align: 'right' }], rows)).toHaveLength(150_001);
  });

  test('a value cannot drive the terminal: control characters and marks that turn a line are shown, not obeyed', () => {
    expect(printable('a\u001b[2Jb\r\nc\u0007\u009b\u202ed')).toBe('a\\u001b[2Jb\\r\\nc\\u0007\\u009b\\u202ed');
    expect(printable('Zoë, 東京, 👩‍👩‍👧, "quoted", \\')).toBe('Zoë, 東京, 👩‍👩‍👧, "quoted", \\');
  });

  test('a long value is cut at whole characters, and the cut is seen', () => {
    expect(clip('abcdef', 4)).toBe('abc…');
    expect(clip('東京東京', 4)).toBe('東…');
    expect(clip('abcd', 4)).toBe('abcd');
  });
});
