import type { Instant } from '../../core/words.ts';
import { drop } from './replace.ts';
import type { Session } from './session.ts';
import { quoteName, quoteText } from './sql.ts';
import { listSql, STAGING_PREFIX, stagedAt } from './staging-sql.ts';

/** Milliseconds after which a batch that was staged is nobody's: no run takes as long to commit it. */
const LEFT_BEHIND = 24 * 3_600_000;
const DAY = 24 * 3_600_000;

/** Once a day is enough: true for the first run of a day (UTC) by the ledger's newest row. */
export function isSweepDue(newest: Instant | undefined, now: Instant): boolean {
  return newest === undefined || Math.floor(newest / DAY) !== Math.floor(now / DAY);
}

/** Drops what killed processes left in the stage and beside the tables, by the time that its names say. */
export async function sweep(session: Session, now: Instant, signal: AbortSignal): Promise<void> {
  const [tables, files] = await Promise.all(
    [stagingTablesSql(session), listSql(session.staged(''))].map((sql) =>
      session.run({ sql, purpose: 'sweep' }, signal),
    ),
  );
  const attempts = new Set([
    ...(tables?.rows ?? []).map(([name]) => (name ?? '').toLowerCase().slice(STAGING_PREFIX.length)),
    // The name of a file is `<stage>/<attempt>/<file>`.
    ...(files?.rows ?? []).map(([name]) => name?.split('/')[1] ?? ''),
  ]);
  for (const attempt of attempts) {
    const at = stagedAt(attempt);
    if (at !== undefined && now - at > LEFT_BEHIND) await drop(session, attempt, 'sweep');
  }
}

function stagingTablesSql({ place }: Session): string {
  return `SELECT table_name FROM ${quoteName(place.database)}.INFORMATION_SCHEMA.TABLES
WHERE table_schema = ${quoteText(place.schema.toUpperCase())} AND STARTSWITH(table_name, ${quoteText(STAGING_PREFIX.toUpperCase())})`;
}
