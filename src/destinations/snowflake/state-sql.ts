import { LEDGER_COLUMNS } from '../destination.ts';
import { STATE_OUTCOMES } from '../ledger.ts';
import { quoteName, quoteTexts } from './sql.ts';

/** `'loaded', 'unchanged', …` for an IN. */
export const STATES_SQL = quoteTexts(STATE_OUTCOMES);

/**
 * Per table and key the newest state row after the table's newest `reset`. `among` restricts it, on rows `l` of the
 * ledger, to some tables or keys: by those columns alone, or an older row may pass for the newest.
 */
export function stateSql(ledger: string, among = 'TRUE'): string {
  const columns = LEDGER_COLUMNS.map(({ name }) => `l.${quoteName(name)}`).join(', ');
  return `SELECT ${columns}
FROM ${ledger} AS l
LEFT JOIN (
  SELECT table_name, MAX(loaded_at) AS reset_at FROM ${ledger} WHERE outcome = 'reset' GROUP BY table_name
) AS r ON r.table_name = l.table_name
WHERE l.outcome IN (${STATES_SQL}) AND ${among} AND (r.reset_at IS NULL OR l.loaded_at > r.reset_at)
QUALIFY ROW_NUMBER() OVER (PARTITION BY l.table_name, l.period_key ORDER BY l.loaded_at DESC, l.load_id DESC) = 1`;
}
