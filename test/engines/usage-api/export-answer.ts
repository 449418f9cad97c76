import { randomBytes } from 'node:crypto';
import { contractColumns } from '../../../src/core/contract.ts';
import { offsetAt } from '../../../src/core/local-time.ts';
import { type Bound, type ExportRequest, Refusal } from './export-request.ts';
import { type Fault, NOT_FOUND } from './faults.ts';
import type { UsageApiOptions } from './options.ts';
import { columnsOf, type Row, toCsv, toJson } from './rows.ts';
import { withOneMore } from './spoil.ts';

/** The rows of an export as they travel: a CSV file, or the `data` of a JSON answer. */
interface Data {
  readonly bytes: Buffer;
  readonly recordCount: number;
  readonly document: boolean;
}

/** The rows that an export gets. Throws NOT_FOUND where there is no usage. */
export function dataOf(request: ExportRequest, options: UsageApiOptions, fault: Fault | undefined): Data {
  const kept = withinHistory(request, options);
  const data = rawData(kept, options) ?? rowData(kept, options);
  return fault?.kind === 'longer' && request.format === 'json'
    ? { ...data, bytes: withOneMore(data.bytes, request.format) }
    : data;
}

/** `users-usage/ws-1/users-usage-2024-01-01-2024-01-31-abc12345.csv` */
export function filePathOf(request: ExportRequest): string {
  const name = `${request.routeName}-usage`;
  const dates = `${request.from.date.slice(0, 10)}-${request.to.date.slice(0, 10)}`;
  return `${name}/${request.workspace}/${name}-${dates}-${randomBytes(4).toString('hex')}.csv`;
}

/** What an answer says of its rows: dataType, recordCount, dateRange, with a planted fault's words in their place. */
export function answerWords(
  request: ExportRequest,
  recordCount: number,
  fault: Fault | undefined,
): Record<string, unknown> {
  return {
    dataType: request.routeName,
    recordCount: fault?.kind === 'wrong-count' ? recordCount + fault.by : recordCount,
    dateRange: { from: rangeBound(request, 'from'), to: rangeBound(request, 'to') },
  };
}

function rawData(request: ExportRequest, options: UsageApiOptions): Data | undefined {
  const raw = options.body?.(request);
  if (raw === undefined) return undefined;
  return { bytes: Buffer.from(raw.bytes), recordCount: raw.recordCount, document: raw.document ?? false };
}

function rowData(request: ExportRequest, options: UsageApiOptions): Data {
  const own = request.start < request.end ? options.rows?.(request) : undefined;
  if (own === undefined) throw new Refusal(404, NOT_FOUND.body.code, NOT_FOUND.body.message);
  const every: Row = {
    period_start: utcDate(request.requestedStart),
    period_end: utcDate(request.end - 1),
    org_id: request.workspace,
  };
  const rows = own.map((row) => ({ ...every, ...row }));
  const report = { dataType: request.dataType, groupBy: request.groupBy };
  const columns = rows.length === 0 ? contractColumns(report).map(({ name }) => name) : columnsOf(rows);
  const bytes = request.format === 'csv' ? toCsv(rows, columns) : toJson(rows);
  return { bytes, recordCount: rows.length, document: false };
}

function withinHistory(request: ExportRequest, options: UsageApiOptions): ExportRequest {
  const months = options.historyMonths === undefined ? 12 : options.historyMonths;
  if (months === null) return request;
  const edge = new Date(options.now?.() ?? Date.now());
  const day = edge.getUTCDate();
  edge.setUTCMonth(edge.getUTCMonth() - months);
  if (edge.getUTCDate() !== day) edge.setUTCDate(0);
  return { ...request, start: Math.max(request.start, edge.getTime()) };
}

const utcDate = (at: number) => new Date(at).toISOString().slice(0, 10);

/** A bound as wall clock with its offset; in UTC with none in a CSV answer, with Z in a JSON one. */
function rangeBound(request: ExportRequest, which: 'from' | 'to'): string {
  const bound: Bound = request[which];
  const wallClock = bound.date.replace(/Z$/, '');
  if (bound.timezone === 'UTC') return request.format === 'csv' ? wallClock : `${wallClock}Z`;
  const offset = offsetAt(which === 'from' ? request.requestedStart : request.end - 1, bound.timezone);
  const minutes = Math.abs(offset) / 60_000;
  const [h, m] = [Math.floor(minutes / 60), Math.floor(minutes % 60)].map((part) => String(part).padStart(2, '0'));
  return `${wallClock}${offset < 0 ? '-' : '+'}${h}:${m}`;
}
