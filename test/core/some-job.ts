import type { Job, JobSource, TableState, Window } from '../../src/core/words.ts';

/** Plain words for tests: a job, a source and an empty table, with what a test is about written out. */

const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function someSource(changes: Partial<JobSource> = {}): JobSource {
  return {
    name: 'acme',
    key: 'acme',
    history: undefined,
    rate: { requests: 500, window: MINUTE },
    concurrency: 8,
    typicalAnswer: 30_000,
    ...changes,
  };
}

export function someJob(changes: Partial<Omit<Job, 'window'>> & { readonly window?: Partial<Window> } = {}): Job {
  const report = changes.report ?? { dataType: 'users', groupBy: undefined };
  const window: Window = {
    grain: 'day',
    span: 1,
    lookback: undefined,
    delay: 2 * HOUR,
    includeOpen: false,
    begin: undefined,
    ...changes.window,
  };
  return {
    name: 'users_daily',
    description: undefined,
    enabled: true,
    sources: [someSource()],
    timezone: 'UTC',
    timezoneWritten: true,
    schedule: undefined,
    destination: 'local',
    onStart: 'plan',
    expect: { minRows: 0, maxShrink: 0.9 },
    expectBy: undefined,
    maxPeriodsPerRun: 500,
    retries: { maxAttempts: 5, minDelay: 1000, maxDelay: 5 * MINUTE },
    table: {
      name: 'users_daily',
      warehouse: 'duckdb',
      report,
      grain: window.grain,
      span: window.span,
      schema: 'evolve',
      rules: { drop: [], hash: [], rename: new Map(), types: new Map() },
      hashKey: undefined,
      policy: 'policy-1',
      clusterBy: [],
    },
    ...changes,
    report,
    window,
  };
}

export function someTable(changes: Partial<TableState> = {}): TableState {
  return {
    exists: true,
    rows: 0,
    ledgerRows: 0,
    holds: undefined,
    columns: [],
    states: new Map(),
    present: new Map(),
    firstPlanned: new Map(),
    answerMs: new Map(),
    instances: [],
    ...changes,
  };
}
