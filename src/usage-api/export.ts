import type { ClickHouse } from '../clickhouse/connect.ts';
import type { ApiKeyConfig, UsageApiConfig } from '../config/settings.ts';
import { ExportdError } from '../core/errors.ts';
import { keptSince } from '../core/retention.ts';
import type { ContractColumn, Instant } from '../core/words.ts';
import { bytesOf } from '../http/body.ts';
import type { Bytes } from '../http/receive.ts';
import { type ReportQuery, reportColumns, reportQuery } from '../usage-store/index.ts';
import { countUsage } from '../usage-store/scanned.ts';
import { readWorkspace } from '../usage-store/workspace.ts';
import type { ExportFiles } from './files.ts';
import { noUsage } from './refusal.ts';
import { type ExportRequest, unsupported } from './request.ts';
import { csvHeader, csvRows, jsonRows } from './row-text.ts';
import type { Turns } from './turns.ts';
import { asElements, type RowCount, wholeRecords } from './whole-rows.ts';

/** Of the server, for every export. */
export interface ExportTools {
  readonly store: ClickHouse;
  readonly files: ExportFiles;
  readonly turns: Turns;
  readonly clock: () => Instant;
}

/** One export, as it was asked for. */
export interface Asked {
  readonly request: ExportRequest;
  readonly key: ApiKeyConfig;
  readonly config: UsageApiConfig;
  /** Aborted once nobody waits for the answer any more: whatever runs for it is ended. */
  readonly signal: AbortSignal;
}

interface AskedReport extends ReportQuery {
  readonly columns: readonly ContractColumn[];
  /** Of ClickHouse. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Rows that are made at a time. Their texts are written into one piece of memory, which for a block of the usual size, 65,409
 * rows, is past every cache: a JSON export takes a tenth longer then.
 */
const BLOCK = { max_block_size: '16384' };

/**
 * Writes a CSV export into a file, and counts its rows as they are written. Throws Refusal or ExportdError; nothing of the
 * file is left then.
 */
export async function exportCsv(asked: Asked, tools: ExportTools): Promise<{ id: string; rows: number }> {
  const { key, config, signal } = asked;
  using _turn = await tools.turns.turn(key.workspace, config.concurrency, signal);
  const { sql, parameters, columns, settings } = await reportOf(asked, tools);
  const { response, url } = await tools.store.stream(csvRows(sql, columns), parameters, signal, settings);
  const count: RowCount = { rows: 0 };
  async function* file(): Bytes {
    yield Buffer.from(csvHeader(columns));
    yield* wholeRecords(bytesOf(response, url), count);
    if (count.rows === 0) throw noUsage();
  }
  const id = await tools.files.write(file());
  return { id, rows: count.rows };
}

/**
 * The elements of a JSON export, as ClickHouse makes them: nobody holds them all, and the first are there before anything
 * of an answer is. `count` grows as they go by. Throws Refusal or ExportdError, the first of its bytes too; whoever has
 * had some must break the connection then, so that nobody takes what came for a whole answer.
 */
export async function* exportJson(asked: Asked, tools: ExportTools, count: RowCount): AsyncGenerator<Buffer, void> {
  const { key, config, signal } = asked;
  using _turn = await tools.turns.turn(key.workspace, config.concurrency, signal);
  const { sql, parameters, columns, settings } = await reportOf(asked, tools);
  const { response, url } = await tools.store.stream(jsonRows(sql, columns), parameters, signal, settings);
  yield* asElements(bytesOf(response, url), count);
  if (count.rows === 0) throw noUsage();
}

/** What the store is asked for. Settings and rows are looked at first, at once: what is refused costs no report. */
async function reportOf({ request, key, config, signal }: Asked, tools: ExportTools): Promise<AskedReport> {
  const { store, clock } = tools;
  const { report, from, to } = request;
  const { workspace } = key;
  const since = config.history === undefined ? from : Math.max(from, keptSince(config.history, clock()));
  const most = config.maxScannedRows;
  const [settings, scanned] = await Promise.all([
    readWorkspace(store, workspace, signal),
    since > to ? NOTHING : countUsage(store, { workspace, since, to }, most + 1, signal),
  ]);
  if (report.groupBy === 'deployment' && !settings.byok) throw unsupported(report.groupBy, request);
  if (scanned.rows === 0) throw noUsage();
  if (scanned.rows > most) throw tooLarge(most);
  const columns = reportColumns(report, settings);
  const query = reportQuery({ report, from, to, since, workspace, settings });
  return { ...query, columns, settings: scanned.maySet ? BLOCK : {} };
}

const NOTHING = { rows: 0, maySet: false };

function tooLarge(most: number): ExportdError {
  return new ExportdError(
    'USAGE_EXPORT_TOO_LARGE',
    `The export would read more than ${most.toLocaleString('en')} rows of usage. Choose a shorter period.`,
    { scope: 'period' },
  );
}
