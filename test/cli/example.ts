/** A job, its plans and a run's events as the real core makes them; what the renderings of test/cli/golden show. */
import type { Planning, RunSummary } from '../../src/app.ts';
import { ExportdError } from '../../src/core/errors.ts';
import { planJob, type Wish } from '../../src/core/plan.ts';
import type { Instant, Job, JobSource, KeyState, PeriodKey, TableState } from '../../src/core/words.ts';
import { someTable } from '../core/some-job.ts';

export const NOW: Instant = Date.parse('2026-11-25T05:15:00Z');

export const ACME: JobSource = {
  name: 'acme',
  key: 'acme',
  history: { amount: 12, unit: 'month' },
  rate: { requests: 500, window: 60_000 },
  concurrency: 8,
  typicalAnswer: 30_000,
};

export function job(changes: Partial<Job> = {}): Job {
  return {
    name: 'users_daily',
    description: undefined,
    enabled: true,
    sources: [ACME],
    report: { dataType: 'users', groupBy: 'model' },
    timezone: 'Europe/Berlin',
    timezoneWritten: true,
    window: { grain: 'day', span: 1, lookback: 3, delay: 7_200_000, includeOpen: false, begin: '2026-01-01' },
    schedule: { cron: '15 6 * * *', timezone: 'Europe/Berlin', jitter: 0 },
    destination: 'local',
    table: {
      name: 'users_by_model_daily',
      warehouse: 'duckdb',
      report: { dataType: 'users', groupBy: 'model' },
      grain: 'day',
      span: 1,
      schema: 'evolve',
      rules: { drop: ['name'], hash: ['email'], rename: new Map(), types: new Map() },
      hashKey: undefined,
      policy: 'p1',
      clusterBy: [],
    },
    onStart: 'plan',
    expect: { minRows: 0, maxShrink: 0.9 },
    expectBy: '09:00',
    maxPeriodsPerRun: 500,
    retries: { maxAttempts: 5, minDelay: 1000, maxDelay: 300_000 },
    ...changes,
  };
}

export function tableState(changes: Partial<TableState> = {}): TableState {
  return someTable({ exists: false, ...changes });
}

/** What the ledger says of a period that was loaded an hour after it had closed. */
export function loaded(start: string, end: string, changes: Partial<KeyState> = {}): [PeriodKey, KeyState] {
  const state: KeyState = {
    source: 'acme',
    orgId: 'W',
    periodDate: start,
    start: Date.parse(`${start}T00:00:00+01:00`),
    end: Date.parse(`${end}T00:00:00+01:00`),
    outcome: 'loaded',
    closed: true,
    settled: false,
    rows: 100,
    rowsLoadId: 'l1',
    policy: 'p1',
    requestedAt: Date.parse(`${end}T03:00:00+01:00`),
    held: undefined,
    failed: undefined,
    detail: { bodyDigest: undefined, fingerprint: undefined, totals: { messages_total: '700' } },
    ...changes,
  };
  return [`acme/users:model/${start}/${end}@Europe/Berlin`, state];
}

const DUE: Wish = { kind: 'run', from: undefined, to: undefined, acceptHeld: false };

/** The planning of jobs against the states of their tables. */
export function planning(jobs: readonly (readonly [Job, TableState])[], wish: Wish = DUE): Planning {
  return {
    now: NOW,
    plans: jobs.flatMap(([each, state]) => each.sources.map((source) => planJob(each, source, NOW, state, wish))),
    unplanned: [],
    orphans: [],
    states: new Map(jobs.map(([each, state]) => [each.name, state])),
  };
}

type Ended = RunSummary['periods'][number];

/** A run's summary of the periods it ended with. */
export function summary(periods: readonly Ended[], interrupted = false): RunSummary {
  const outcomes = { loaded: 0, unchanged: 0, empty: 0, forgotten: 0, failed: 0, held: 0, skipped: 0 };
  for (const { outcome } of periods) outcomes[outcome] += 1;
  return { runId: '019ab000-0000-7000-8000-000000000000', interrupted, outcomes, periods, unplanned: [] };
}

export function tooLarge(): ExportdError {
  return new ExportdError('USAGE_EXPORT_TOO_LARGE', 'the export scans more than 1,000,000 usage rows', {
    scope: 'period',
    hint: 'choose a smaller grain',
  });
}
