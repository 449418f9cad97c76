import { isClosed } from './grid.ts';
import { localDateOf } from './local-time.ts';
import { settledFrom } from './settling.ts';
import { isWhole, newestRowAt, stateOf } from './table-state.ts';
import type {
  Fingerprint,
  Instant,
  Job,
  KeyState,
  LedgerEntry,
  LoadId,
  Outcome,
  PlannedPeriod,
  TableState,
} from './words.ts';

/** Who writes. */
export interface Writer {
  readonly runId: string;
  readonly instance: string;
  readonly exportdVersion: string;
}

/** What is known of one attempt at a period; the more, the further it came. */
export interface Attempt {
  readonly loadId: LoadId;
  /** When the request left, or would have left. */
  readonly requestedAt: Instant;
  readonly answeredAt?: Instant | undefined;
  readonly rows?: number | undefined;
  readonly bytes?: number | undefined;
  readonly bodyDigest?: string | undefined;
  readonly fingerprint?: Fingerprint | undefined;
  readonly orgId?: string | undefined;
  readonly totals?: Readonly<Record<string, string>> | undefined;
  /** Of a note. */
  readonly errorCode?: string | undefined;
}

/**
 * The ledger row of an attempt; `closed` and `settled` as they were when its request left. `loadedAt` is 0 until the
 * warehouse has set it.
 * @param before the key's state that an `unchanged` row stands for: it keeps that one's rows, dates and bounds
 */
export function ledgerEntry(
  outcome: Exclude<Outcome, 'unchanged'>,
  { period, reason }: PlannedPeriod,
  job: Job,
  attempt: Attempt,
  writer: Writer,
): LedgerEntry {
  const { requestedAt, loadId, answeredAt } = attempt;
  const closed = isClosed(period, job.window, requestedAt);
  return {
    loadId,
    ...writer,
    job: job.name,
    reason,
    source: period.source,
    orgId: attempt.orgId,
    dataType: job.report.dataType,
    groupBy: job.report.groupBy,
    grain: period.grid.grain,
    span: period.grid.span,
    timezone: period.grid.timezone,
    tableName: job.table.name,
    periodKey: period.key,
    periodDate: period.date,
    periodStart: period.start,
    periodEnd: period.end,
    outcome,
    rowsLoadId: outcome === 'loaded' ? loadId : undefined,
    closed,
    settled: closed && requestedAt >= settledFrom(period, job.window, outcome === 'empty'),
    rowCount: attempt.rows ?? 0,
    byteCount: attempt.bytes ?? 0,
    totals: attempt.totals ?? {},
    bodyDigest: attempt.bodyDigest,
    fingerprint: attempt.fingerprint,
    policy: job.table.policy,
    errorCode: attempt.errorCode,
    answerMs: answeredAt === undefined ? undefined : answeredAt - requestedAt,
    extractedAt: requestedAt,
    loadedAt: 0,
    exportdVersion: writer.exportdVersion,
  };
}

/**
 * The ledger row of an attempt that brought what the table has: it stands for the rows of `before`, and keeps their
 * dates and bounds (which an hour's date may lose by a change of the tz database).
 */
export function unchangedEntry(
  planned: PlannedPeriod,
  job: Job,
  attempt: Attempt,
  writer: Writer,
  before: KeyState,
): LedgerEntry {
  return {
    ...ledgerEntry('loaded', planned, job, attempt, writer),
    outcome: 'unchanged',
    rowsLoadId: before.rowsLoadId,
    periodDate: before.periodDate,
    periodStart: before.start,
    periodEnd: before.end,
    rowCount: before.rows,
    orgId: attempt.orgId ?? before.orgId,
    totals: attempt.totals ?? before.detail?.totals ?? {},
    fingerprint: attempt.fingerprint ?? before.detail?.fingerprint,
  };
}

/**
 * Whether an `unchanged` or `empty` row says anything that the ledger does not say already. One that alters nothing is
 * written once per local day, so that a job that looks every five minutes does not fill its ledger; a person's command
 * always is. Every other outcome is worth writing.
 */
export function isWorthWriting(entry: LedgerEntry, table: TableState): boolean {
  const before = stateOf(table, entry.periodKey);
  if (entry.reason === 'requested' || before?.outcome === undefined) return true;
  const repeats =
    entry.outcome === 'unchanged' ||
    (entry.outcome === 'empty' && before.outcome === 'empty' && isWhole(table, entry.periodKey));
  if (!repeats || before.held !== undefined || before.failed !== undefined) return true;
  const alters =
    entry.closed !== before.closed ||
    entry.settled !== before.settled ||
    entry.policy !== before.policy ||
    entry.orgId !== before.orgId ||
    entry.bodyDigest !== before.detail?.bodyDigest ||
    entry.fingerprint !== before.detail?.fingerprint;
  return alters || !isSameDay(newestRowAt(before), entry);
}

/** Whether a note is worth writing: one per key, outcome and code a local day; after a person's command always. */
export function isNoteWorthWriting(entry: LedgerEntry, table: TableState): boolean {
  const before = stateOf(table, entry.periodKey);
  const note = entry.outcome === 'held' ? before?.held : before?.failed;
  if (entry.reason === 'requested' || note === undefined) return true;
  return note.code !== entry.errorCode || !isSameDay(note.at, entry);
}

function isSameDay(at: Instant, entry: LedgerEntry): boolean {
  return localDateOf(at, entry.timezone) === localDateOf(entry.extractedAt, entry.timezone);
}
