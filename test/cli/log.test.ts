import { describe, expect, test } from 'vitest';
import { ExportdError } from '../../src/core/errors.ts';
import { createLog, logEvents } from '../../src/log.ts';
import type { RunEvent } from '../../src/run/events.ts';
import { NOW, tooLarge } from './example.ts';

const base = { runId: 'r1', at: NOW, job: 'j', key: 'acme/users/2026-11-24/2026-11-25@UTC' };

function logged(level: 'debug' | 'warn', ...events: RunEvent[]): Record<string, unknown>[] {
  let lines = '';
  const emit = logEvents(
    createLog({
      level,
      write: (line) => {
        lines += line;
      },
    }),
  );
  for (const event of events) emit(event);
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describe('run events as log lines', () => {
  test('a failed period is an error, with its code, its hint and the names of the ledger', () => {
    const failed = {
      ...base,
      type: 'period.done',
      outcome: 'failed',
      rows: 0,
      was: 7,
      error: tooLarge(),
      entry: undefined,
    } as const;
    expect(logged('warn', failed)).toEqual([
      {
        level: 'error',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        run_id: 'r1',
        event: 'period.done',
        job: 'j',
        period_key: base.key,
        outcome: 'failed',
        row_count: 0,
        was: 7,
        error_code: 'USAGE_EXPORT_TOO_LARGE',
        hint: 'choose a smaller grain',
        msg: 'the export scans more than 1,000,000 usage rows',
      },
    ]);
  });

  test('what goes well is not told at level warn', () => {
    const loaded = {
      ...base,
      type: 'period.done',
      outcome: 'loaded',
      rows: 7,
      was: undefined,
      error: undefined,
      entry: undefined,
    } as const;
    expect(logged('warn', loaded)).toEqual([]);
    expect(logged('debug', loaded)).toHaveLength(1);
  });

  test('a bug tells the calls that led to it, and nothing of the message that it came with', () => {
    const cause = new Error('could not convert "anna@example.com"');
    const error = new ExportdError('INTERNAL', 'unexpected Error in exportd', { scope: 'period', cause });
    const [line] = logged('warn', { ...base, type: 'period.retrying', attempt: 1, inMs: 10, error });
    expect(line?.calls).toEqual(expect.arrayContaining([expect.stringContaining('log.test.ts')]));
    expect(JSON.stringify(line)).not.toContain('anna');
  });
});
