import { addDays, addMonths } from '../src/core/dates.ts';
import type { LocalDate } from '../src/core/words.ts';

/** Who used it most in the month that begins on this date. */
export function topUsers(month: LocalDate): string {
  return `SELECT arg_max(name, _period_date) AS name, sum(messages_total)::BIGINT AS messages,
       count(DISTINCT _period_date) AS days, sum(payg_consumption_in_period)::DECIMAL(18, 2) AS usd
FROM users_daily
WHERE _period_date BETWEEN '${month}' AND '${addDays(addMonths(month, 1), -1)}'
GROUP BY user_id ORDER BY messages DESC LIMIT 8`;
}

/** What the ledger says of the three newest days. */
export function recentLoads(newest: LocalDate): string {
  return `SELECT period_date, outcome, row_count AS "rows", (totals->>'messages_total')::BIGINT AS messages
FROM _exportd_loads WHERE period_date >= '${addDays(newest, -2)}'
ORDER BY period_date, loaded_at, load_id`;
}
