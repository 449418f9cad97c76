import type { LedgerEntry, PeriodKey } from '../../core/words.ts';
import { LEDGER_COLUMNS } from '../destination.ts';
import { KNOWN_OUTCOMES, ledgerEntry } from '../ledger.ts';
import { lookUp } from './catalog.ts';
import { LEDGER } from './schema.ts';
import type { Session } from './session.ts';
import { isoDate, millis, quoteName, quoteText, quoteTexts } from './sql.ts';

/** Rows that one statement answers. */
const PAGE = 1000;

/** See Destination.history. */
export async function* history(
  session: Session,
  table: string,
  key: PeriodKey | undefined,
  signal: AbortSignal,
): AsyncGenerator<LedgerEntry> {
  const ledger = (await lookUp(session, 'history', [LEDGER], signal)).get(LEDGER);
  if (ledger === undefined) return;
  const has = new Set(ledger.columns.map(({ name }) => name));
  const columns = LEDGER_COLUMNS.filter(({ name }) => has.has(name));
  for (let offset = 0; ; offset += PAGE) {
    const sql = historySql(session.table(LEDGER), columns, { table, key, offset });
    const { rows } = await session.run({ sql, purpose: 'history' }, signal);
    for (const row of rows) yield ledgerEntry(rowOf(columns, row));
    if (rows.length < PAGE) return;
  }
}

type LedgerColumn = (typeof LEDGER_COLUMNS)[number];

function historySql(
  ledger: string,
  columns: readonly LedgerColumn[],
  { table, key, offset }: { table: string; key: PeriodKey | undefined; offset: number },
): string {
  const values = columns.map(({ name, type }) => `${valueSql(quoteName(name), type)} AS ${quoteName(name)}`);
  return `SELECT ${values.join(', ')} FROM ${ledger} AS l
WHERE l.table_name = ${quoteText(table)} AND l.outcome IN (${quoteTexts(KNOWN_OUTCOMES)})${key === undefined ? '' : ` AND l.period_key = ${quoteText(key)}`}
ORDER BY l.loaded_at DESC, l.load_id DESC LIMIT ${PAGE} OFFSET ${offset}`;
}

function valueSql(name: string, type: LedgerColumn['type']): string {
  const value = `l.${name}`;
  if (type === 'timestamp') return millis(value);
  if (type === 'date') return isoDate(value);
  return type === 'map' ? `TO_JSON(${value})` : value;
}

/** As JSON would carry it. */
function rowOf(columns: readonly LedgerColumn[], row: readonly (string | null)[]): Record<string, unknown> {
  return Object.fromEntries(columns.map(({ name, type }, at) => [name, fieldOf(type, row[at] ?? null)]));
}

function fieldOf(type: LedgerColumn['type'], text: string | null): unknown {
  if (text === null) return null;
  if (type === 'timestamp') return new Date(Number(text)).toISOString();
  if (type === 'boolean') return text.toLowerCase() === 'true';
  return type === 'map' ? JSON.parse(text) : text;
}
