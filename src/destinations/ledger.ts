import type { DataType, GroupBy, Instant, LedgerEntry, Outcome, Reason, StateOutcome } from '../core/words.ts';
import { LEDGER_COLUMNS } from './destination.ts';

/** Outcomes that are a key's state; every other one, also a newer version's, is a note. */
export const STATE_OUTCOMES: readonly StateOutcome[] = ['loaded', 'unchanged', 'empty', 'forgotten'];

/** What this version can tell of a ledger row; `reset` rows and outcomes of a newer version it leaves out. */
export const KNOWN_OUTCOMES: readonly Outcome[] = [...STATE_OUTCOMES, 'failed', 'held'];

/** Their keys' rows are deleted before anything is inserted. */
export const DELETING_OUTCOMES: readonly StateOutcome[] = ['loaded', 'empty', 'forgotten'];

/** One ledger row as JSON can carry it, by column name: instants as ISO text in UTC, totals as an object. */
export type LedgerRow = Readonly<Record<string, unknown>>;

/** The row of an entry. `loaded_at` is left out: it is the warehouse's to give. */
export function ledgerRow(entry: LedgerEntry): LedgerRow {
  const row: Record<string, unknown> = {};
  for (const { name, field, type } of LEDGER_COLUMNS) {
    if (field === 'loadedAt') continue;
    const value = entry[field];
    row[name] = type === 'timestamp' && typeof value === 'number' ? new Date(value).toISOString() : (value ?? null);
  }
  return row;
}

/** The entry of a row read back; columns that an older version's row lacks are what that version would have meant. */
export function ledgerEntry(row: LedgerRow): LedgerEntry {
  const optional = (name: string) => (row[name] === null || row[name] === undefined ? undefined : String(row[name]));
  const text = (name: string) => optional(name) ?? '';
  const number = (name: string) => Number(row[name] ?? 0);
  const instant = (name: string): Instant => (row[name] == null ? 0 : Date.parse(text(name)));
  return {
    loadId: text('load_id'),
    runId: text('run_id'),
    instance: text('instance'),
    job: text('job'),
    reason: text('reason') as Reason,
    source: text('source'),
    orgId: optional('org_id'),
    dataType: text('data_type') as DataType,
    groupBy: optional('group_by') as GroupBy | undefined,
    grain: text('grain') as LedgerEntry['grain'],
    span: number('span'),
    timezone: text('timezone'),
    tableName: text('table_name'),
    periodKey: text('period_key'),
    periodDate: text('period_date'),
    periodStart: instant('period_start'),
    periodEnd: instant('period_end'),
    outcome: text('outcome') as Outcome,
    rowsLoadId: optional('rows_load_id'),
    closed: row.closed === true,
    settled: row.settled === true,
    rowCount: number('row_count'),
    byteCount: number('byte_count'),
    totals: (row.totals ?? {}) as LedgerEntry['totals'],
    bodyDigest: optional('body_digest'),
    fingerprint: optional('fingerprint'),
    policy: text('policy'),
    errorCode: optional('error_code'),
    answerMs: row.answer_ms == null ? undefined : number('answer_ms'),
    extractedAt: instant('extracted_at'),
    loadedAt: instant('loaded_at'),
    exportdVersion: text('exportd_version'),
  };
}
