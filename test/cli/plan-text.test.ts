import { describe, expect, test } from 'vitest';
import type { Planning } from '../../src/app.ts';
import { jsonDocument } from '../../src/cli/json.ts';
import { planDocument } from '../../src/cli/plan-document.ts';
import { planText } from '../../src/cli/plan-text.ts';
import { ExportdError } from '../../src/core/errors.ts';
import { ACME, job, loaded, planning, tableState } from './example.ts';

const text = (shown: Planning): string => `${[...planText(shown, (_style, words) => words)].join('\n')}\n`;
const golden = (name: string): string => `./golden/${name}`;

describe('exportd plan, for people', () => {
  test('says of a first run how much history is asked for, how long that takes, and which personal columns leave', async () => {
    await expect(text(planning([[job(), tableState()]]))).toMatchFileSnapshot(golden('plan-first-run.txt'));
  });

  test('names a handful of periods one by one, each under its reason', async () => {
    const window = { ...job().window, begin: '2026-11-20' };
    const states = new Map([
      loaded('2026-11-20', '2026-11-21', { settled: true }),
      loaded('2026-11-21', '2026-11-22'),
      loaded('2026-11-22', '2026-11-23'),
    ]);
    const state = tableState({ exists: true, states, rows: 300, ledgerRows: 300, answerMs: new Map([['acme', 900]]) });
    await expect(text(planning([[job({ window }), state]]))).toMatchFileSnapshot(golden('plan-handful.txt'));
  });

  test('tells what is not planned, why, and what to do, beside what is', async () => {
    const other = job({
      name: 'models_daily',
      report: { dataType: 'models', groupBy: undefined },
      timezoneWritten: false,
    });
    const held = tableState({
      exists: true,
      holds: {
        report: { dataType: 'users', groupBy: 'model' },
        grain: 'day',
        span: 1,
        timezones: new Map([['acme', 'Europe/Berlin']]),
      },
    });
    const unreachable = new ExportdError('DUCKDB_LOCKED', 'usage.duckdb is open in python3 (4711)', {
      scope: 'destination',
      hint: 'close it there, or raise daemon.lock_timeout',
    });
    const shown = planning([
      [other, held],
      [job({ sources: [ACME, { ...ACME, name: 'beta', key: 'beta' }] }), tableState()],
    ]);
    const more = { ...shown, unplanned: [{ job: job({ name: 'agents_daily' }), error: unreachable }] };
    await expect(text(more)).toMatchFileSnapshot(golden('plan-refused.txt'));
  });
});

describe('exportd plan, for programs', () => {
  test('is one document of the promised shape', () => {
    const window = { ...job().window, begin: '2026-11-23' };
    const document = planDocument(planning([[job({ window, timezone: 'Europe/Berlin' }), tableState()]]));
    const read = JSON.parse([...jsonDocument(document)].join(''));
    expect(read.now).toBe('2026-11-25T05:15:00.000Z');
    expect(read.jobs).toHaveLength(1);
    expect(read.jobs[0]).toMatchObject({ job: 'users_daily', table: 'users_by_model_daily', requests: 2, error: null });
    expect(read.jobs[0].periods[0]).toEqual({
      period_key: 'acme/users:model/2026-11-24/2026-11-25@Europe/Berlin',
      period_date: '2026-11-24',
      period_start: '2026-11-23T23:00:00.000Z',
      period_end: '2026-11-24T23:00:00.000Z',
      reason: 'missing',
      request: {
        from: { date: '2026-11-24T00:00:00.000Z', timezone: 'Europe/Berlin' },
        to: { date: '2026-11-24T23:59:59.999Z', timezone: 'Europe/Berlin' },
      },
    });
  });
});
