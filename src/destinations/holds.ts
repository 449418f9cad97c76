import { parseKey } from '../core/period-key.ts';
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
} from '../core/words.ts';

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

/** Of each source's newest keys, enough that a grain shows: 1 November to 1 December may be thirty rolling days, the next key tells. */
export const KEYS_PER_SOURCE = 40;

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
