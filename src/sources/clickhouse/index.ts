import { type ClickHouseOptions, openClickHouse } from '../../clickhouse/connect.ts';
import { ExportdError } from '../../core/errors.ts';
import type { History, Instant } from '../../core/words.ts';
import { discard, receiveBody, short } from '../../http/body.ts';
import { shownUrl } from '../../http/shown.ts';
import { reportQuery } from '../../usage-store/index.ts';
import { readWorkspace } from '../../usage-store/workspace.ts';
import { requireKept } from '../kept.ts';
import type { Pace } from '../pace.ts';
import type { Source } from '../source.ts';
import { parquetContent } from './parquet-content.ts';

export interface ClickHouseSourceOptions extends ClickHouseOptions {
  /** The source's name in the YAML; for messages. */
  readonly name: string;
  /** The `org_id` of the rows that are reported. */
  readonly workspace: string;
  /** What the store keeps; undefined: everything. */
  readonly history: History | undefined;
  readonly pace: Pace;
  readonly clock: () => Instant;
}

/**
 * The usage store itself, past the Usage Export API: the same reports, as Parquet. The server keeps an answer back until
 * its query has ended, and says how many rows it made: that number is the body's `declaredRows`.
 *
 * A workspace's settings are read before each report, so that a column which was switched off leaves at once.
 */
export function openClickHouseSource(options: ClickHouseSourceOptions): Source {
  const { clock, pace, workspace } = options;
  const server = openClickHouse(options);
  return {
    async extract(ask, into, signal, queued) {
      const waiting = queued === undefined ? signal : AbortSignal.any([signal, queued]);
      using turn = await pace.turn(ask.urgency, waiting);
      const { report, period } = ask;
      try {
        requireKept(options.name, options.history, period, clock());
        const settings = await readWorkspace(server, workspace, signal);
        const request = { report, from: period.start, to: period.end - 1, workspace, settings };
        const { sql, parameters } = reportQuery(request);
        waiting.throwIfAborted();
        const requestedAt = clock();
        const { response, url, rows } = await server.query(`${sql}\nFORMAT Parquet`, parameters, signal);
        const answered = { ask, requestedAt, answeredAt: clock() };
        if (rows === undefined) {
          discard(response);
          throw uncounted(url);
        }
        const { bytes, digest } = await receiveBody(response, url, [], into);
        const content = await parquetContent(into.path);
        if (content === 'torn') throw short(`the answer of ${shownUrl(url)} is no whole Parquet file`);
        turn.succeeded();
        // Where the count alone says so, staging counts too.
        if (rows === 0 && content === 'nothing') return { kind: 'nothing', ...answered };
        const body = { kind: 'body', format: 'parquet', file: into, bytes, digest } as const;
        return { ...body, ...answered, declaredRows: rows, strict: true };
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
    },
  };
}

function uncounted(url: URL): ExportdError {
  return new ExportdError('SOURCE_ERROR', `${shownUrl(url)} does not say how many rows it made`, {
    scope: 'source',
    hint: 'ClickHouse sends X-ClickHouse-Summary: something in between takes it out',
  });
}
