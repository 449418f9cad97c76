import { ExportdError } from '../../core/errors.ts';
import { requestBounds } from '../../core/request.ts';
import type { Secret } from '../../core/secret.ts';
import type { History, Instant } from '../../core/words.ts';
import {
  ACCEPTED_ENCODINGS,
  discard,
  endsWithConnection,
  isEncoded,
  readText,
  receiveBody,
  short,
} from '../../http/body.ts';
import { shownUrl } from '../../http/shown.ts';
import { HeldBack, openTransport, type Response } from '../../http/transport.ts';
import type { SpoolFile } from '../../staging/spool.ts';
import { requireKept } from '../kept.ts';
import type { Pace, Turn } from '../pace.ts';
import { type Ask, type Extract, LONGEST_RETRY_AFTER, type OnSlowed, type Source } from '../source.ts';
import { declaredRowsOf, type Link, meaningOf, readLink, redirected } from './answer.ts';
import { download } from './download.ts';
import { JsonRows, splitRows } from './json-rows.ts';
import { lookupBeyondLink } from './link-local.ts';
import { retryAfter } from './retry-after.ts';

export interface ExportApiOptions {
  /** The source's name in the YAML; for messages. */
  readonly name: string;
  /** May carry a path. */
  readonly baseUrl: string;
  readonly apiKey: Secret;
  readonly format: 'csv' | 'json';
  /** Milliseconds from a request to its answer's headers. */
  readonly timeout: number;
  /** What the source keeps; undefined: everything. */
  readonly history: History | undefined;
  /** `record_count: strict`. */
  readonly strict: boolean;
  /** Shared by all sources with this base_url and key. */
  readonly pace: Pace;
  readonly clock: () => Instant;
  readonly onSlowed: OnSlowed;
}

/** Bytes of a CSV answer, which is a URL and a few words, and of an error. */
const LONGEST_ANSWER = 1 << 20;
const LONGEST_ERROR = 65_536;
/** A shorter key would take words out of messages; no real one is. */
const SHORTEST_SECRET = 8;
const LINE_END = 0x0a;

type Answer = Extract | (Link & { readonly kind: 'link'; readonly requestedAt: Instant; readonly answeredAt: Instant });

/** One workspace's Usage Export API (contract/usage-export-api.md). Opens no connection before the first `extract`. */
export function openExportApi(options: ExportApiOptions): Source {
  const { clock, pace, strict } = options;
  const apiKey = options.apiKey.reveal();
  const api = openTransport({ timeout: options.timeout, stops: 'source' });
  const storage = openTransport({ timeout: options.timeout, stops: 'period', lookup: lookupBeyondLink });

  async function request(ask: Ask, into: SpoolFile, signal: AbortSignal, queued?: AbortSignal): Promise<Answer> {
    const waiting = queued === undefined ? signal : AbortSignal.any([signal, queued]);
    const { report, period, urgency } = ask;
    const url = new URL(options.baseUrl);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/export/${report.dataType}/${options.format}`;
    const body = JSON.stringify({ ...requestBounds(period), group_by: report.groupBy });
    const headers = {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'accept-encoding': ACCEPTED_ENCODINGS,
      'user-agent': 'exportd',
    };
    for (;;) {
      using turn = await pace.turn(urgency, waiting);
      const requestedAt = clock();
      requireKept(options.name, options.history, period, requestedAt);
      const mayLeave = () => !waiting.aborted && turn.leaves();
      try {
        const response = await api.send({ method: 'POST', url, headers, body, mayLeave }, signal);
        const answer = await read(response, { ask, url, requestedAt, answeredAt: clock(), into, turn });
        turn.succeeded();
        return answer;
      } catch (error) {
        // A 429 came in while this one was on its way to the wire: it waits its turn again, with all others.
        if (!(error instanceof HeldBack)) throw error;
      }
    }
  }

  async function read(response: Response, asked: Asked): Promise<Answer> {
    const { ask, url, requestedAt, answeredAt, into, turn } = asked;
    const { statusCode: status, headers } = response;
    if (status === 429) {
      discard(response);
      throw slowDown(turn, retryAfter(headers['retry-after'], answeredAt), url);
    }
    if (status >= 300 && status < 400) {
      discard(response);
      throw redirected(status, [headers.location].flat()[0], url);
    }
    if (status >= 400) {
      const text = await startOf(response, url);
      const wait = retryAfter(headers['retry-after'], answeredAt);
      const meaning = meaningOf({ status, text, retryAfter: wait }, url);
      if (meaning !== 'nothing') throw meaning;
      return { kind: 'nothing', ask, requestedAt, answeredAt };
    }
    if (options.format === 'csv') {
      const link = readLink(await readText(response, url, LONGEST_ANSWER), url);
      return { kind: 'link', ...link, requestedAt, answeredAt };
    }
    const rows = new JsonRows();
    const { bytes, digest } = await receiveBody(response, url, [splitRows(rows)], into);
    const { envelope } = rows;
    const declaredRows = declaredRowsOf(envelope, url);
    const what = { format: 'csv', layout: envelope.layout, bytes, digest, declaredRows, strict } as const;
    return { kind: 'body', ask, requestedAt, answeredAt, file: into, ...what };
  }

  /** What an error says, where it can be read; its status says enough. The key is taken out, should it be echoed. */
  async function startOf(response: Response, url: URL): Promise<string> {
    try {
      const text = await readText(response, url, LONGEST_ERROR);
      return apiKey.length < SHORTEST_SECRET ? text : text.replaceAll(apiKey, '[secret]');
    } catch {
      return '';
    }
  }

  function slowDown(turn: Turn, asked: number | undefined, url: URL): ExportdError {
    const tooLong = asked !== undefined && asked > LONGEST_RETRY_AFTER;
    const wait = turn.slowed(tooLong ? undefined : asked);
    const told = asked === undefined ? '' : ` and asked for ${Math.ceil(asked / 1000)} s of quiet`;
    const error = new ExportdError('RATE_LIMITED', `${shownUrl(url)} answered 429 (too many requests)${told}`, {
      scope: tooLong ? 'source' : 'period',
      retryable: !tooLong,
      retryAfter: tooLong ? asked : wait,
      hint: "the limit is the whole workspace's: lower rate_limit of this source, or find out who else uses it up",
    });
    options.onSlowed(clock() + wait, error);
    return error;
  }

  return {
    async extract(ask, into, signal, queued) {
      try {
        const answer = await request(ask, into, signal, queued);
        if (answer.kind !== 'link') return answer;
        const { requestedAt, answeredAt, declaredRows } = answer;
        const { response, url } = await download(answer.url, storage, clock, signal);
        const { bytes, digest, lastByte } = await receiveBody(response, url, [], into);
        if (endsWithConnection(response) && !isEncoded(response) && lastByte !== LINE_END) {
          throw short(`the download from ${shownUrl(url)} ended within a line, and nothing says that it was over`);
        }
        const what = { format: 'csv', bytes, digest, declaredRows, strict } as const;
        return { kind: 'body', ask, requestedAt, answeredAt, file: into, ...what };
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([api[Symbol.asyncDispose](), storage[Symbol.asyncDispose]()]);
    },
  };
}

interface Asked {
  readonly ask: Ask;
  readonly url: URL;
  readonly requestedAt: Instant;
  readonly answeredAt: Instant;
  readonly into: SpoolFile;
  readonly turn: Turn;
}
