import { parseKey } from '../../core/period-key.ts';
import type {
  DataType,
  Grain,
  GroupBy,
  Period,
  PeriodKey,
  Report,
  SourceKey,
  TableState,
  Timezone,
} from '../../core/words.ts';
import type { Attached } from './connect.ts';

/** What a table holds; undefined where nothing says. */
export type Holds = NonNullable<TableState['holds']>;

/** One source's newest state row, as far as it says what the table is. */
export interface Identity {
  readonly data_type: DataType;
  readonly group_by: GroupBy | null;
  readonly grain: Grain;
  readonly span: number;
  readonly source: SourceKey;
  readonly timezone: Timezone;
}

/** Of the ledger's newest rows, newest first. */
export function holdsOf(identities: readonly Identity[]): Holds | undefined {
  const [newest] = identities;
  if (newest === undefined) return undefined;
  const report: Report = { dataType: newest.data_type, groupBy: newest.group_by ?? undefined };
  const timezones = new Map<SourceKey, Timezone>();
  for (const { source, timezone } of identities) if (!timezones.has(source)) timezones.set(source, timezone);
  return { report, grain: newest.grain, span: newest.span, timezones };
}

/** Enough that a grain shows: 1 November to 1 December may be thirty rolling days, the next key tells. */
const KEYS_PER_SOURCE = 40;

/** The newest keys of each source that the table itself holds; for tables that the ledger knows nothing of. */
export async function keysInTable(file: Attached, table: string): Promise<PeriodKey[]> {
  const rows = await file.connection.rows<{ key: PeriodKey }>(
    `SELECT _period_key AS key FROM (SELECT DISTINCT _source, _period_key, _period_date FROM ${file.table(table)})
     WHERE _period_key IS NOT NULL
     QUALIFY row_number() OVER (PARTITION BY _source ORDER BY _period_date DESC, _period_key DESC) <= ${KEYS_PER_SOURCE}`,
  );
  return rows.map(({ key }) => key);
}

const FINEST_FIRST: readonly Grain[] = ['hour', 'day', 'week', 'month', 'quarter', 'year'];

/** With the ledger gone a table is what its keys say: of the grids that they may be of, the finest. */
export function holdsByKeys(keys: readonly PeriodKey[]): Holds | undefined {
  const periods = keys.map((key) => parseKey(key)).filter((period) => period !== undefined);
  const fineness = (period: Period) => FINEST_FIRST.indexOf(period.grid.grain);
  const [finest] = periods.toSorted((a, b) => fineness(a) - fineness(b));
  if (finest === undefined) return undefined;
  const timezones = new Map(periods.map((period) => [period.source, period.grid.timezone]));
  return { report: finest.report, grain: finest.grid.grain, span: finest.grid.span, timezones };
}
