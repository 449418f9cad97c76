/** Tables, keys and ledger rows for tests of destinations: days of usage of workspaces in Berlin. */
import { randomUUIDv7 } from 'node:crypto';
import { addDays } from '../../src/core/dates.ts';
import { firstInstant } from '../../src/core/local-time.ts';
import type { Column, LedgerEntry, LocalDate, PeriodKey, TableSpec } from '../../src/core/words.ts';

const ZONE = 'Europe/Berlin';

export const COLUMNS: readonly Column[] = [
  { name: 'user_id', type: 'string', description: 'User' },
  { name: 'messages_total', type: 'integer', description: 'Messages' },
];

export function tableSpec(change: Partial<TableSpec> = {}): TableSpec {
  return {
    name: 'users_daily',
    warehouse: 'duckdb',
    report: { dataType: 'users', groupBy: 'model' },
    grain: 'day',
    span: 1,
    schema: 'evolve',
    rules: { drop: [], hash: [], rename: new Map(), types: new Map() },
    hashKey: undefined,
    policy: 'policy-1',
    clusterBy: [],
    ...change,
  };
}

export function keyOf(date: LocalDate, source = 'acme'): PeriodKey {
  return `${source}/users:model/${date}/${addDays(date, 1)}@${ZONE}`;
}

/** The ledger row of a load of one day; `loaded`, closed and settled where `change` says nothing else. */
export function entryOf(date: LocalDate, change: Partial<LedgerEntry> = {}): LedgerEntry {
  const loadId = change.loadId ?? randomUUIDv7();
  const source = change.source ?? 'acme';
  const end = firstInstant(addDays(date, 1), ZONE);
  return {
    loadId,
    runId: 'run-1',
    instance: 'here/00000001',
    job: 'users_daily',
    reason: 'missing',
    source,
    orgId: `org-of-${source}`,
    dataType: 'users',
    groupBy: 'model',
    grain: 'day',
    span: 1,
    timezone: ZONE,
    tableName: 'users_daily',
    periodKey: keyOf(date, source),
    periodDate: date,
    periodStart: firstInstant(date, ZONE),
    periodEnd: end,
    outcome: 'loaded',
    rowsLoadId: (change.outcome ?? 'loaded') === 'loaded' ? loadId : undefined,
    closed: true,
    settled: true,
    rowCount: 0,
    byteCount: 100,
    totals: { messages_total: '12345678901234567890' },
    bodyDigest: 'sha-of-the-body',
    fingerprint: 'duckdb1.5:abc',
    policy: 'policy-1',
    errorCode: undefined,
    answerMs: 1200,
    extractedAt: end + 7_200_000,
    loadedAt: 0,
    exportdVersion: '0.1.0',
    ...change,
  };
}
