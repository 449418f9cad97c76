import { readFileSync } from 'node:fs';
import { contractColumns, GROUPINGS } from '../core/contract.ts';
import { ExportdError } from '../core/errors.ts';
import type { ContractColumn, DataType, Instant, Report } from '../core/words.ts';
import type { StoreParameters } from './client.ts';
import type { WorkspaceSettings } from './workspace.ts';

export interface ReportRequest {
  readonly report: Report;
  /** The first and the last millisecond of the period: an event at any microsecond of either counts. */
  readonly from: Instant;
  readonly to: Instant;
  /** Usage before it is not kept any more, and not reported. Default: `from`. */
  readonly since?: Instant | undefined;
  /** The workspace: the store's `org_id`. */
  readonly workspace: string;
  readonly settings: WorkspaceSettings;
}

export interface ReportQuery {
  /** Selects the report's rows, in the order of their keys, so that the same usage gives the same rows in the same order. */
  readonly sql: string;
  readonly parameters: StoreParameters;
}

const REPORTS: Readonly<Record<DataType, () => string>> = {
  users: fileOnce('./reports/users.sql'),
  agents: fileOnce('./reports/agents.sql'),
  'api-keys': fileOnce('./reports/api-keys.sql'),
  projects: fileOnce('./reports/projects.sql'),
  models: fileOnce('./reports/models.sql'),
};

/**
 * The query of one report: what the Usage Export API answers with, and what the direct source reads. Its columns are
 * `reportColumns`, each in the contract's own type. Throws BAD_REQUEST (period) for a grouping that the data type or the
 * workspace has not.
 */
export function reportQuery(request: ReportRequest): ReportQuery {
  const { report, from, to, since = from, workspace, settings } = request;
  requireGrouping(report, settings);
  const names = reportColumns(report, settings).map(({ name }) => quoted(name));
  return {
    sql: `SELECT ${names.join(', ')} FROM (\n${REPORTS[report.dataType]()})`,
    parameters: {
      org: workspace,
      group_by: report.groupBy ?? '',
      from: clockText(from),
      to: clockText(to),
      since: clockText(Math.max(from, since)),
    },
  };
}

function requireGrouping({ dataType, groupBy }: Report, { byok }: WorkspaceSettings): void {
  if (groupBy === undefined || (GROUPINGS[dataType].includes(groupBy) && (byok || groupBy !== 'deployment'))) return;
  throw new ExportdError('BAD_REQUEST', `group_by=${groupBy} is not supported for ${dataType} exports`, {
    scope: 'period',
    hint:
      groupBy === 'deployment'
        ? 'only models have deployments, and only where the workspace brings its own keys'
        : `${dataType} are grouped by ${GROUPINGS[dataType].join(' or ') || 'nothing'}`,
  });
}

/** The columns that a workspace's settings leave of a report, in the contract's order. */
export function reportColumns(report: Report, settings: WorkspaceSettings): readonly ContractColumn[] {
  return contractColumns(report).filter(
    (column) =>
      (settings.userLevelData || !column.personal) &&
      (settings.byok || !column.byok) &&
      (settings.leaderboards || !column.name.endsWith('_rank')),
  );
}

function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** As DateTime64(3, 'UTC') is written. */
export function clockText(at: Instant): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '');
}

function fileOnce(path: string): () => string {
  let text: string | undefined;
  return () => {
    text ??= readFileSync(new URL(path, import.meta.url), 'utf8');
    return text;
  };
}
