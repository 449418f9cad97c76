import type { Instant } from '../core/words.ts';
import type { StoreClient } from './client.ts';
import { clockText } from './index.ts';

export interface Stretch {
  readonly workspace: string;
  /** The first and the last millisecond. */
  readonly since: Instant;
  readonly to: Instant;
}

export interface Scanned {
  /** Rows of usage, `most` at most: counting stops there. */
  readonly rows: number;
  /** Whether our user may send settings with a query. */
  readonly maySet: boolean;
}

/**
 * How many rows of usage a report of this stretch reads. The order of the table is that of the question, so it costs a
 * fraction of any report. A server's own limit (`max_rows_to_read`) would count whole granules, the rows of people and agents
 * too, and be a setting, which a user with `readonly = 1` may not send.
 */
export async function countUsage(
  client: StoreClient,
  { workspace, since, to }: Stretch,
  most: number,
  signal: AbortSignal,
): Promise<Scanned> {
  const [row] = await client.rows<{ n: number | string; read_only: number | string }>(
    `SELECT count() AS n, getSetting('readonly') AS read_only FROM (
       SELECT 1 FROM usage_events
       WHERE org_id = {org:String}
         AND ts >= {since:DateTime64(3, 'UTC')} AND ts < {to:DateTime64(3, 'UTC')} + INTERVAL 1 MILLISECOND
       LIMIT {most:UInt64})`,
    { org: workspace, since: clockText(since), to: clockText(to), most },
    signal,
  );
  return { rows: Number(row?.n ?? 0), maySet: Number(row?.read_only) !== 1 };
}
