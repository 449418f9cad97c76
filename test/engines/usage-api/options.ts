import type { Instant } from '../../../src/core/words.ts';
import type { ExportRequest } from './export-request.ts';
import type { Row } from './rows.ts';

/** Hostile bytes, sent as they are. */
export interface RawBody {
  /** CSV: the file. JSON: the value of `data`, or with `document` the whole answer. */
  readonly bytes: Uint8Array | string;
  readonly recordCount: number;
  readonly document?: boolean;
}

export interface UsageApiOptions {
  /**
   * The usage that a request gets; none at all is a 404 NOT_FOUND, an empty array an export without rows. The columns
   * period_start, period_end and org_id are put before each row's own, which win.
   */
  readonly rows?: (request: ExportRequest) => readonly Row[] | undefined;
  /** Raw bytes in place of `rows`; where it has none, `rows` is asked. */
  readonly body?: (request: ExportRequest) => RawBody | undefined;
  /** 0 (the default) takes a free one. */
  readonly port?: number;
  /** API keys → their scopes. The default: `k` may export. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  readonly workspace?: string;
  /** Whether the workspace brings its own keys, so that models group by deployment. */
  readonly byok?: boolean;
  /** A path before every route of the API, as dedicated deployments have, e.g. `/api/public`. */
  readonly prefix?: string;
  /** Accept only dates with a trailing Z, as some live versions do. */
  readonly needsZ?: boolean;
  /** Months of usage that are kept, 12 by default; null = all. Older usage is simply not there. */
  readonly historyMonths?: number | null;
  /** POSTs a minute, 500 by default; null = no limit. */
  readonly rateLimit?: number | null;
  /** Milliseconds of the rate limit's window. */
  readonly rateWindow?: number;
  /** Serve downloads on a second listener of this host, e.g. `127.0.0.2`; the default is the API's own. */
  readonly storageHost?: string;
  /** Milliseconds for which a download URL is good. */
  readonly urlTtl?: number;
  /** The server's clock, for its history edge only. */
  readonly now?: () => Instant;
  /** Answers `POST /_control`, for a server that is its own process. */
  readonly control?: (command: unknown) => unknown;
}
