import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { answerWords, dataOf, filePathOf } from './export-answer.ts';
import { Refusal, type Route, readExport } from './export-request.ts';
import { EXPIRED, type Hit, type ShortAnswer, storageError } from './faults.ts';
import type { Files } from './files.ts';
import type { UsageApiOptions } from './options.ts';
import { RateLimit } from './rate-limit.ts';
import { sendRows, sendShort } from './respond.ts';

/** One request on its way to its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The planted fault that falls on it. */
  readonly hit: Hit | undefined;
  /** Fires once the client is gone or the answer is whole. */
  readonly gone: AbortSignal;
}

/** The true answers of the API and of its storage. Throws Refusal for what the API refuses. */
export interface Answers {
  export(exchange: Exchange, route: Route, body: unknown): Promise<void>;
  download(exchange: Exchange, url: URL): Promise<void>;
}

export function createAnswers(options: UsageApiOptions, files: Files, storageUrl: string): Answers {
  const { workspace = 'ws-1', byok = false, needsZ = false, keys = { k: ['USAGE_EXPORT_API'] } } = options;
  const rate =
    options.rateLimit === null ? undefined : new RateLimit(options.rateLimit ?? 500, options.rateWindow ?? 60_000);

  return {
    async export({ request, response, hit, gone }, route, body) {
      authorize(request.headers, keys);
      const waitFor = rate?.take();
      if (waitFor !== undefined) {
        sendShort(response, tooMany(waitFor));
        return;
      }
      if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
        throw new Refusal(400, 'BAD_REQUEST', 'Content-Type must be application/json');
      }
      const asked = readExport(route, body, { workspace, byok, needsZ });
      const data = dataOf(asked, options, hit?.fault);
      const set = hit?.fault.kind === 'answer' ? hit.fault.set : {};
      const words = { ...answerWords(asked, data.recordCount, hit?.fault), ...set };
      if (asked.format === 'csv') {
        const filePath = filePathOf(asked);
        const downloadUrl = storageUrl + files.keep({ path: filePath, bytes: data.bytes });
        sendShort(response, {
          status: 200,
          headers: {},
          body: { success: true, data: { filePath, downloadUrl, ...words } },
        });
        return;
      }
      const tail = Buffer.from(`,"metadata":${JSON.stringify(words)}}`);
      const document = data.document
        ? data.bytes
        : Buffer.concat([Buffer.from('{"success":true,"data":'), data.bytes, tail]);
      await sendRows(response, document, { format: 'json', hit, gone });
    },

    /** As object stores answer signed URLs: a second way of authorisation is refused. */
    async download({ request, response, hit, gone }, url) {
      const file = files.open(url);
      if (request.headers.authorization !== undefined) {
        sendShort(response, storageError(400, 'InvalidArgument', 'Only one auth mechanism allowed'));
      } else if (file === undefined) {
        sendShort(response, storageError(403, 'SignatureDoesNotMatch', 'The signature does not match the request'));
      } else if (file === 'expired') {
        sendShort(response, EXPIRED);
      } else {
        await sendRows(response, file.bytes, { format: 'csv', hit, gone });
      }
    },
  };
}

function authorize(headers: IncomingHttpHeaders, keys: Readonly<Record<string, readonly string[]>>): void {
  if (headers.origin !== undefined) {
    throw new Refusal(403, 'FORBIDDEN', 'Requests from a browser are refused to protect your API key.');
  }
  const [, key] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
  const scopes = key !== undefined && Object.hasOwn(keys, key) ? keys[key] : undefined;
  if (scopes === undefined) throw new Refusal(401, undefined, 'The provided API key is invalid.');
  if (!scopes.includes('USAGE_EXPORT_API')) {
    throw new Refusal(403, 'FORBIDDEN', 'The API key lacks the scope USAGE_EXPORT_API.');
  }
}

function tooMany(waitFor: number): ShortAnswer {
  const headers = { 'retry-after': String(Math.ceil(waitFor / 1000)) };
  return { status: 429, headers, body: { message: 'Too many requests' } };
}
