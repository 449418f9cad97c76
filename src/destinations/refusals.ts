import { reportName } from '../core/contract.ts';
import { ExportdError } from '../core/errors.ts';
import { parseKey } from '../core/period-key.ts';
import type { Column, ColumnType, Grain, PeriodKey, Report, TableColumn, TableSpec } from '../core/words.ts';
import { type Holds, holdsByKeys } from './holds.ts';
import { METADATA } from './metadata.ts';

/** A table that is there already, as far as it decides whether it is ours. */
export interface Existing {
  /** What it is instead of a table: `a view`. */
  readonly isInstead: string | undefined;
  readonly columns: readonly TableColumn[];
}

/**
 * A table is ours where it has the metadata columns in their types, and ours to fill where we can make its columns'
 * types. Throws TABLE_REFUSED (table), naming every difference. `native`: the warehouse's name of each type.
 */
export function refuseForeign(
  name: string,
  { isInstead, columns: existing }: Existing,
  columns: readonly Column[],
  native: Readonly<Record<ColumnType, string>>,
): void {
  const hint = 'Use another table, or move this one away.';
  if (isInstead !== undefined) {
    throw new ExportdError('TABLE_REFUSED', `${name} is ${isInstead}`, { scope: 'table', hint });
  }
  const found = new Map(existing.map((column) => [column.name, column]));
  const differences = METADATA.flatMap((column) => {
    const there = found.get(column.name)?.native;
    if (there === native[column.type]) return [];
    return [
      there === undefined ? `${column.name} is missing` : `${column.name} is ${there}, not ${native[column.type]}`,
    ];
  });
  for (const { name: column, type } of columns) {
    const there = found.get(column);
    if (there !== undefined && there.type === undefined) {
      differences.push(`${column} is ${there.native}, which cannot take ${native[type]}`);
    }
  }
  if (differences.length === 0) return;
  throw new ExportdError('TABLE_REFUSED', `table ${name} is not one of exportd's: ${differences.join('; ')}`, {
    scope: 'table',
    hint,
  });
}

/**
 * A table holds one report, one grain, one span. `holds`: what the ledger says; where it says nothing, `keysInTable`
 * tells what the table's own rows say. Throws TABLE_REFUSED (table).
 */
export async function refuseOther(
  table: TableSpec,
  holds: Holds | undefined,
  keysInTable: () => Promise<readonly PeriodKey[]>,
): Promise<void> {
  let there = holds;
  if (there === undefined) {
    const keys = await keysInTable();
    if (keys.every((key) => isOf(table, key))) return;
    there = holdsByKeys(keys);
  }
  if (there === undefined) {
    throw new ExportdError('TABLE_REFUSED', `table ${table.name} has rows whose _period_key is none of exportd's`, {
      scope: 'table',
      hint: 'Use another table, or move this one away.',
    });
  }
  const held = contents(there.report, there.grain, there.span);
  const brought = contents(table.report, table.grain, table.span);
  if (held === brought) return;
  throw new ExportdError('TABLE_REFUSED', `table ${table.name} holds ${held}; this job brings ${brought}`, {
    scope: 'table',
    hint: 'Use another table: one table would count usage twice.',
  });
}

/** Whether a key may be one of the table's: many a key is of more than one grid. */
function isOf(table: TableSpec, key: string): boolean {
  const timezone = parseKey(key)?.grid.timezone;
  if (timezone === undefined) return false;
  const period = parseKey(key, { grain: table.grain, span: table.span, timezone });
  return period !== undefined && reportName(period.report) === reportName(table.report);
}

function contents(report: Report, grain: Grain, span: number): string {
  return `${reportName(report)} by ${span === 1 ? grain : `rolling ${span} ${grain}s`}`;
}

/** Nothing lands unless just the rows that were staged arrived. */
export function countDiffers(table: string, arrived: number, staged: number): ExportdError {
  return new ExportdError(
    'COMMIT_FAILED',
    `table ${table}: ${arrived} rows arrived of ${staged} that were staged; nothing was changed`,
    { scope: 'table' },
  );
}

/** Somebody dropped it between `prepare` and now. */
export function tableGone(table: string): ExportdError {
  return new ExportdError('COMMIT_FAILED', `table ${table} or the ledger is gone: somebody dropped it during the run`, {
    scope: 'table',
    hint: 'The next run makes it again and loads what it held.',
  });
}
