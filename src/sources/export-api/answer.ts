import { ExportdError } from '../../core/errors.ts';
import { because, shownText, shownUrl } from '../../http/shown.ts';
import type { Envelope } from './json-rows.ts';

/** Where a CSV answer says that its rows are. */
export interface Link {
  readonly url: URL;
  readonly declaredRows: number | undefined;
}

/** Reads a CSV answer: of what it says only what we need. Throws BODY_MALFORMED, SOURCE_ERROR (retryable) or DOWNLOAD_REFUSED. */
export function readLink(text: string, asked: URL): Link {
  const answer = objectOf(text);
  if (answer === undefined) throw noAnswer(`${shownUrl(asked)} answered with something that is no JSON`);
  if (answer.success === false) throw notSuccessful(answer.message, asked);
  const data = answer.data;
  const { downloadUrl, recordCount } = isObject(data) ? data : {};
  if (typeof downloadUrl !== 'string') throw noAnswer(`the answer of ${shownUrl(asked)} has no data.downloadUrl`);
  return { url: readDownloadUrl(downloadUrl, asked), declaredRows: readCount(recordCount, asked) };
}

/** A URL that exports may be fetched from. Throws DOWNLOAD_REFUSED. */
export function readDownloadUrl(text: string, base: URL): URL {
  const url = URL.parse(text, base.href);
  if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  const what = url === null ? 'is no URL' : `has the scheme ${url.protocol.slice(0, 20)}`;
  throw new ExportdError('DOWNLOAD_REFUSED', `the download URL that ${shownUrl(base)} sent ${what}`, {
    scope: 'period',
    hint: 'exports are fetched by http and https only',
  });
}

/** `recordCount` of a JSON answer. Throws as `readLink` does. */
export function declaredRowsOf(envelope: Envelope, asked: URL): number | undefined {
  const { beside, rows } = envelope;
  if (beside.get('success') === false) throw notSuccessful(beside.get('message'), asked);
  if (rows === undefined) throw noAnswer(`the answer of ${shownUrl(asked)} has no data`);
  const metadata = beside.get('metadata');
  return readCount(isObject(metadata) ? metadata.recordCount : undefined, asked);
}

export interface ErrorAnswer {
  readonly status: number;
  /** The start of the body. */
  readonly text: string;
  /** Milliseconds, from Retry-After. */
  readonly retryAfter: number | undefined;
}

/** What an answer other than success and 429 means: an error, or `nothing` for a period without usage. */
export function meaningOf({ status, text, retryAfter }: ErrorAnswer, asked: URL): ExportdError | 'nothing' {
  const body = objectOf(text);
  const code = body?.code;
  const said = typeof body?.message === 'string' ? body.message : text;
  const answered = `${shownUrl(asked)} answered ${status}${because(said)}`;
  if (code === 'USAGE_EXPORT_TOO_LARGE') {
    return new ExportdError('USAGE_EXPORT_TOO_LARGE', `one export of this period is too large${because(said)}`, {
      scope: 'period',
      hint: 'choose a smaller grain for this job: day instead of month, or hour instead of day',
    });
  }
  if (status === 401) {
    return new ExportdError('UNAUTHORIZED', answered, {
      scope: 'source',
      hint: 'check api_key of this source: it is wrong, expired or revoked',
    });
  }
  if (status === 403) {
    return new ExportdError('FORBIDDEN', answered, {
      scope: 'source',
      hint: 'the API key needs the scope USAGE_EXPORT_API; only workspace admins can make such a key',
    });
  }
  if (status === 404) {
    // A router that knows no such route is not the export route, whatever code it gives.
    if (code === 'NOT_FOUND' && !/^(Cannot|Route) (GET|POST)\b/.test(said)) return 'nothing';
    return wrongUrl(answered);
  }
  if (status === 405 || status === 410) return wrongUrl(answered);
  if (status === 408) {
    return new ExportdError('SOURCE_TIMEOUT', answered, { scope: 'period', retryable: true, retryAfter });
  }
  if (status >= 500) {
    return new ExportdError('SOURCE_ERROR', answered, {
      scope: 'period',
      retryable: true,
      retryAfter,
      hint: 'the source has a problem of its own; exportd asks again',
    });
  }
  return new ExportdError('BAD_REQUEST', answered, {
    scope: 'period',
    hint: 'check data_type, group_by and timezone of this job',
  });
}

/** A POST is never sent on: as a GET it would ask something else, and its 404 would look like a period without usage. */
export function redirected(status: number, location: string | undefined, asked: URL): ExportdError {
  const target = location === undefined ? null : URL.parse(location, asked.href);
  const where = target === null ? '' : ` to ${shownUrl(target)}`;
  return new ExportdError('REDIRECTED', `${shownUrl(asked)} answered ${status}, a redirect${where}`, {
    scope: 'source',
    hint: 'set base_url to where the API really is; a redirect of an export request is never followed',
  });
}

function wrongUrl(answered: string): ExportdError {
  return new ExportdError('WRONG_URL', answered, {
    scope: 'source',
    hint: 'check base_url of this source, its path too: there is no Usage Export API there',
  });
}

function noAnswer(message: string): ExportdError {
  return new ExportdError('BODY_MALFORMED', message, {
    scope: 'period',
    retryable: true,
    hint: 'where this lasts, check base_url: something else may be answering there',
  });
}

function notSuccessful(message: unknown, asked: URL): ExportdError {
  const said = typeof message === 'string' ? because(message) : '';
  return new ExportdError('SOURCE_ERROR', `${shownUrl(asked)} answered that it had no success${said}`, {
    scope: 'period',
    retryable: true,
    hint: 'the source has a problem of its own; exportd asks again',
  });
}

/** Absent is unknown; anything but a whole number is not to be trusted with the proof that a body is whole. */
function readCount(count: unknown, asked: URL): number | undefined {
  if (count === undefined || count === null) return undefined;
  const number = typeof count === 'string' && /^\d+$/.test(count) ? Number(count) : count;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  throw noAnswer(`recordCount in the answer of ${shownUrl(asked)} is ${shownText(JSON.stringify(count))}`);
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
