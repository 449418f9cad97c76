import type { LedgerEntry, PeriodKey } from '../../core/words.ts';
import { LEDGER_COLUMNS } from '../destination.ts';
import { KNOWN_OUTCOMES, type LedgerRow, ledgerEntry } from '../ledger.ts';
import { queryRows } from './queries.ts';
import { columnsOf, LEDGER } from './schema.ts';
import { getTable, type Session } from './session.ts';
import { quoteName, quoteText, type Statement, scalar } from './sql.ts';

/** See Destination.history. */
export async function* history(
  session: Session,
  table: string,
  key: PeriodKey | undefined,
  signal: AbortSignal,
): AsyncGenerator<LedgerEntry> {
  const ledger = session.dataset && (await getTable(session, LEDGER, signal));
  if (ledger === undefined) return;
  const columns = new Set(columnsOf(ledger).map(({ name }) => name));
  const statement = historyStatement(session.table(LEDGER), columns, table, key);
  for await (const [row] of queryRows(session, 'history', statement, signal)) {
    yield ledgerEntry(JSON.parse(row ?? '{}') as LedgerRow);
  }
}

/** `columns`: those that the ledger has. */
function historyStatement(
  ledger: string,
  columns: ReadonlySet<string>,
  table: string,
  key: PeriodKey | undefined,
): Statement {
  const values = LEDGER_COLUMNS.filter(({ name }) => columns.has(name)).map(({ name, type }) => {
    const value =
      type === 'timestamp'
        ? `FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E3SZ', ${quoteName(name)}, 'UTC')`
        : type === 'date'
          ? `CAST(${quoteName(name)} AS STRING)`
          : quoteName(name);
    return `${value} AS ${quoteName(name)}`;
  });
  return {
    sql: `SELECT TO_JSON_STRING(STRUCT(${values.join(', ')})) AS entry FROM ${ledger}
WHERE table_name = @table AND outcome IN (${KNOWN_OUTCOMES.map(quoteText).join(', ')})${key === undefined ? '' : ' AND period_key = @key'}
ORDER BY loaded_at DESC, load_id DESC`,
    parameters: [scalar('table', 'STRING', table), ...(key === undefined ? [] : [scalar('key', 'STRING', key)])],
  };
}
