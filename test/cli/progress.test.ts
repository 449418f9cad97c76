import { describe, expect, test } from 'vitest';
import { createOutput } from '../../src/cli/output.ts';
import { showProgress } from '../../src/cli/progress.ts';
import { progressLine } from '../../src/cli/progress-line.ts';
import { width } from '../../src/cli/table.ts';
import { Tally } from '../../src/cli/tally.ts';
import { ExportdError } from '../../src/core/errors.ts';
import type { RunEvent } from '../../src/run/events.ts';
import { ACME, job, NOW, planning, tableState, tooLarge } from './example.ts';
import { screen } from './exportd.ts';

const SECOND = 1000;
const shown = planning([[job(), tableState({ answerMs: new Map([['acme', 900]]) })]]);
const keys = shown.plans.flatMap((plan) => plan.periods).map(({ period }) => period.key);

/** A run that plans 328 periods at NOW; then `fetched` of them a second arrive, and `done` of those are committed. */
function* events(fetched: number, done: number): Generator<RunEvent> {
  const runId = 'r';
  yield { type: 'run.planned', runId, at: NOW, plans: shown.plans, requests: keys.length };
  for (const [i, key] of keys.slice(0, fetched).entries()) {
    yield { type: 'period.extracted', runId, at: NOW + (i + 1) * SECOND, job: 'users_daily', key, bytes: 1, ms: 900 };
  }
  const at = NOW + fetched * SECOND;
  for (const key of keys.slice(0, done)) {
    yield {
      type: 'period.done',
      runId,
      at,
      job: 'users_daily',
      key,
      outcome: 'loaded',
      rows: 2000,
      was: undefined,
      error: undefined,
      entry: undefined,
    };
  }
}

function tallyOf(fetched: number, done: number): Tally {
  const tally = new Tally();
  for (const event of events(fetched, done)) tally.take(event);
  return tally;
}

const plain = (columns: number) => ({ paint: (_style: string, text: string) => text, columns, unicode: true });

describe('the line that redraws', () => {
  test('shows committed, fetched and waiting periods, what is left, the rate and the rows', () => {
    const line = progressLine(tallyOf(120, 100), NOW + 120 * SECOND, plain(120));
    expect(line).toBe('█████████▒░░░░░░░░░░░░░░░░░░░░  100/328 periods  about 3 min left  60/min  200,000 rows');
  });

  test.each([200, 100, 80, 60, 40, 20, 8, 1])('is never as wide as a screen of %i columns', (columns) => {
    const line = progressLine(tallyOf(120, 100), NOW + 120 * SECOND, plain(columns));
    expect(width(line)).toBeLessThanOrEqual(Math.max(1, columns - 1));
  });

  test('before anything came, time left is the forecast, running down', () => {
    const tally = tallyOf(0, 0);
    expect(tally.timeLeft(NOW)).toBe(shown.plans[0]?.forecast.duration);
    expect(tally.timeLeft(NOW + 5 * SECOND)).toBe((shown.plans[0]?.forecast.duration ?? 0) - 5 * SECOND);
  });

  test('a burst at the start promises nothing that the rate limit forbids', () => {
    const tally = new Tally();
    const slow = planning([[job({ sources: [{ ...ACME, rate: { requests: 60, window: 60_000 } }] }), tableState()]]);
    tally.take({ type: 'run.planned', runId: 'r', at: NOW, plans: slow.plans, requests: 328 });
    for (const [i, key] of keys.slice(0, 60).entries()) {
      tally.take({ type: 'period.extracted', runId: 'r', at: NOW + i * 10, job: 'users_daily', key, bytes: 1, ms: 9 });
    }
    expect(tally.timeLeft(NOW + SECOND)).toBeGreaterThanOrEqual((328 - 60) * SECOND);
  });

  test('once all is fetched it says that the rest is being committed', () => {
    expect(progressLine(tallyOf(328, 300), NOW + 330 * SECOND, plain(120))).toContain('committing');
  });

  test('a period that two jobs plan is fetched for both', () => {
    const tally = new Tally();
    const twice = planning([
      [job(), tableState()],
      [job({ name: 'second' }), tableState()],
    ]);
    tally.take({ type: 'run.planned', runId: 'r', at: NOW, plans: twice.plans, requests: keys.length });
    for (const key of keys) {
      const end = { outcome: 'loaded', rows: 1, was: undefined, error: undefined, entry: undefined } as const;
      for (const name of ['users_daily', 'second']) {
        tally.take({ type: 'period.done', runId: 'r', at: NOW, job: name, key, ...end });
      }
    }
    expect([tally.fetched, tally.done]).toEqual([tally.periods, tally.periods]);
  });

  test('a period that is fetched twice, because its body was short, counts once', () => {
    const tally = tallyOf(2, 0);
    const [key = ''] = keys;
    tally.take({
      type: 'period.extracted',
      runId: 'r',
      at: NOW + 9 * SECOND,
      job: 'users_daily',
      key,
      bytes: 1,
      ms: 9,
    });
    expect(tally.fetched).toBe(2);
  });
});

/** An output whose stderr is a terminal, or is none. */
function outputTo(columns: number | undefined, env: Record<string, string> = {}) {
  const { stream, sent } = screen(columns);
  const output = createOutput({ format: 'text', color: true, env, stdout: screen().stream, stderr: stream });
  return { output, sent };
}

const failed: RunEvent = {
  type: 'period.done',
  runId: 'r',
  at: NOW,
  job: 'users_daily',
  key: keys[0] ?? '',
  outcome: 'failed',
  rows: 0,
  was: undefined,
  error: tooLarge(),
  entry: undefined,
};

describe('elsewhere than on a terminal', () => {
  test('a line per batch and per failure, none per period, and no escape sequence', async () => {
    const { output, sent } = outputTo(undefined);
    {
      using progress = showProgress(output, () => NOW + 120 * SECOND);
      for (const event of events(120, 100)) progress.emit(event);
      progress.emit({
        type: 'batch.committed',
        runId: 'r',
        at: NOW + 120 * SECOND,
        table: 'users_by_model_daily',
        keys: 100,
        rows: 200_000,
        ms: 90,
      });
      progress.emit(failed);
    }
    await expect(sent()).toMatchFileSnapshot('./golden/progress-lines.txt');
  });

  test('a thousand retries for one reason are one line', () => {
    const { output, sent } = outputTo(undefined);
    using progress = showProgress(output, () => NOW);
    for (const key of keys) {
      progress.emit({
        type: 'period.retrying',
        runId: 'r',
        at: NOW,
        job: 'users_daily',
        key,
        attempt: 1,
        inMs: 2000,
        error: tooLarge(),
      });
    }
    expect(sent().match(/retry/g)).toHaveLength(1);
  });
});

test('a thousand failures for one reason are one line, and another reason is another', () => {
  const { output, sent } = outputTo(undefined);
  using progress = showProgress(output, () => NOW);
  for (const key of keys) progress.emit({ ...failed, key });
  progress.emit({ ...failed, error: new ExportdError('SOURCE_ERROR', 'answered 500', { scope: 'period' }) });
  expect(sent().match(/failed/g)).toHaveLength(2);
});

describe('on a terminal', () => {
  test('news stands above the line, and nothing of the line is left at the end', () => {
    const { output, sent } = outputTo(100, { NO_COLOR: '1', LANG: 'C.UTF-8' });
    {
      using progress = showProgress(output, () => NOW + 120 * SECOND);
      for (const event of events(120, 100)) progress.emit(event);
      progress.emit(failed);
    }
    expect(onScreen(sent())).toEqual([
      'failed    users_daily 2026-11-24  USAGE_EXPORT_TOO_LARGE: the export scans more than 1,000,000 usage rows',
      '',
    ]);
  });

  test('NO_COLOR leaves no colour', () => {
    const { output, sent } = outputTo(100, { NO_COLOR: '1' });
    using progress = showProgress(output, () => NOW);
    progress.emit(failed);
    expect(sent()).not.toContain('\u001b[3');
  });
});

/** What a terminal shows after these bytes: `\r\e[2K` empties the line. */
function onScreen(sent: string): string[] {
  return sent.split('\n').map((line) => line.split('\r\u001b[2K').at(-1) ?? '');
}
