import { describe, expect, test } from 'vitest';
import { errorLines, toldOf } from '../../src/cli/error-text.ts';
import { ExportdError } from '../../src/core/errors.ts';

const plain = (_style: string, text: string): string => text;

describe('an error', () => {
  test('is its code and message, its place in the config, and what to do, each on a line of its own', () => {
    const error = new ExportdError('TABLE_REFUSED', 'table t holds models', {
      scope: 'table',
      hint: 'use another table',
    });
    expect(errorLines(error, plain, 'config/jobs.yaml:12:5')).toEqual([
      'error TABLE_REFUSED: table t holds models',
      '  at: config/jobs.yaml:12:5',
      '  hint: use another table',
    ]);
  });

  test('cannot drive the terminal: what a server put into it is shown, not obeyed', () => {
    const error = new ExportdError('SOURCE_ERROR', '502: \u001b[2J\u0007gone', { scope: 'period' });
    expect(errorLines(error, plain)).toEqual(['error SOURCE_ERROR: 502: \\u001b[2J\\u0007gone']);
  });

  test('of ours that nobody foresaw tells its kind and the calls that led to it, and never a message that quotes data', () => {
    const parse = toldOf(thrownBy(() => JSON.parse('anna@example.com')));
    expect(parse).toMatchObject({ code: 'INTERNAL', message: 'unexpected SyntaxError' });
    expect(parse.hint).toMatch(/at .*error-text\.test\.ts/);
    expect(parse.hint).not.toContain('anna');
    expect(toldOf('a text')).toMatchObject({ code: 'INTERNAL', message: 'unexpected string' });
  });

  test('of the runtime or of the operating system keeps its words: they quote a path at most', () => {
    expect(toldOf(thrownBy(() => new Array(-1))).message).toBe('RangeError: Invalid array length');
    const enoent = Object.assign(new Error("ENOENT: no such file or directory, open '/x'"), {
      errno: -2,
      syscall: 'open',
    });
    expect(toldOf(enoent).message).toBe("Error: ENOENT: no such file or directory, open '/x'");
  });

  test('that a failure of closing came on top of is still what is told', () => {
    const first = new ExportdError('SPOOL_FULL', 'no room', { scope: 'period' });
    expect(toldOf(new SuppressedError(new Error('closing'), first))).toBe(first);
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
