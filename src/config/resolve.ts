import { createHash, createHmac } from 'node:crypto';
import { policyText } from '../core/columns.ts';
import { dataTypeNamed } from '../core/contract.ts';
import { DAY } from '../core/dates.ts';
import { retentionEdge } from '../core/retention.ts';
import type { Secret } from '../core/secret.ts';
import type { ColumnRules, HashKey, History, Job, JobSource, Schedule, WarehouseKind, Window } from '../core/words.ts';
import type { JobInput, WindowInput } from './schema.ts';
import type { SourceConfig } from './settings.ts';

const HOUR = 3_600_000;

/** A job whose references and required keys have been found to be there. */
export interface CheckedJob {
  readonly name: string;
  readonly input: JobInput;
  readonly sources: readonly SourceConfig[];
  readonly destination: string;
  readonly warehouse: WarehouseKind;
  /** Milliseconds that the destination keeps a period; undefined: for ever. */
  readonly keeps: number | undefined;
}

/** Fills in every default; see docs/configuration.md. Undefined where a required key is missing. */
export function resolveJob({ name, input, sources, destination, warehouse, keeps }: CheckedJob): Job | undefined {
  const dataType = dataTypeNamed(input.data_type ?? '');
  const window = input.window === undefined ? undefined : resolveWindow(input.window);
  if (dataType === undefined || window === undefined) return undefined;
  const timezone = input.timezone ?? 'UTC';
  const rules = resolveColumns(input);
  const hashKey = resolveHashKey(input.hash_key ?? undefined);
  return {
    name,
    description: input.description,
    enabled: input.enabled,
    sources: sources.map((source) => keptAtMost(jobSource(source), keeps)),
    report: { dataType, groupBy: input.group_by ?? undefined },
    timezone,
    timezoneWritten: input.timezone !== undefined,
    window,
    schedule: resolveSchedule(input.schedule ?? undefined, timezone),
    destination,
    table: {
      name: tableOf(name, input),
      warehouse,
      report: { dataType, groupBy: input.group_by ?? undefined },
      grain: window.grain,
      span: window.span,
      schema: input.schema,
      rules,
      hashKey,
      policy: digest(policyText(rules, input.schema, hashKey?.id)),
      clusterBy: input.cluster_by,
    },
    onStart: input.on_start,
    expect: { minRows: input.expect.min_rows, maxShrink: input.expect.max_shrink },
    expectBy: input.freshness?.expect_by,
    maxPeriodsPerRun: input.max_periods_per_run,
    retries: {
      maxAttempts: input.retries.max_attempts,
      minDelay: input.retries.min_delay,
      maxDelay: input.retries.max_delay,
    },
  };
}

function tableOf(name: string, input: JobInput): string {
  return input.table ?? name.replaceAll('-', '_');
}

function resolveWindow(input: WindowInput): Window | undefined {
  if (input.grain === undefined) return undefined;
  return {
    grain: input.grain,
    span: input.span ?? 1,
    lookback: input.lookback,
    delay: input.delay ?? 2 * HOUR,
    includeOpen: input.include_open ?? false,
    begin: input.begin ?? undefined,
  };
}

function resolveSchedule(input: Exclude<JobInput['schedule'], null>, timezone: string): Schedule | undefined {
  if (input === undefined) return undefined;
  if (typeof input === 'string') return { cron: input, timezone, jitter: 0 };
  return { cron: input.cron, timezone: input.timezone ?? timezone, jitter: input.jitter };
}

function resolveColumns({ columns }: JobInput): ColumnRules {
  return {
    drop: columns.drop,
    hash: columns.hash,
    rename: new Map(Object.entries(columns.rename)),
    types: new Map(Object.entries(columns.types)),
  };
}

function jobSource(source: SourceConfig): JobSource {
  const { name, key, history, concurrency } = source;
  if (source.type === 'clickhouse') {
    return { name, key, history, rate: undefined, concurrency, typicalAnswer: 1_000 };
  }
  // A CSV export is written to storage before its answer comes; a JSON answer begins as soon as its rows are known.
  const typicalAnswer = source.format === 'csv' ? 30_000 : 5_000;
  return { name, key, history, rate: source.rate, concurrency, typicalAnswer };
}

/** What the destination drops by itself is not asked for again: as if the source kept no more. */
function keptAtMost(source: JobSource, keeps: number | undefined): JobSource {
  if (keeps === undefined) return source;
  const kept: History = { amount: Math.floor(keeps / DAY), unit: 'day' };
  const { history } = source;
  return history !== undefined && retentionEdge(history, 0) >= retentionEdge(kept, 0)
    ? source
    : { ...source, history: kept };
}

/** The id names a key without telling it: a ledger row can say that rows were hashed under another one. */
function resolveHashKey(key: Secret | undefined): HashKey | undefined {
  if (key === undefined) return undefined;
  return { key, id: createHmac('sha256', key.reveal()).update('exportd key id').digest('hex').slice(0, 8) };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
