import { EnvHttpProxyAgent, errors } from 'undici';
import type { Secret } from '../core/secret.ts';
import { VERSION } from '../version.ts';

/** Milliseconds until an endpoint must have answered. */
const TIMEOUT = 10_000;
const SILENT = `did not answer within ${TIMEOUT / 1000} s`;

/** Why an endpoint was not told. Never says where it is: whoever knows a webhook's URL may post to it. */
export interface Unheard {
  /** Goes on after `the endpoint …`. */
  readonly why: string;
  /** Telling it again may help. */
  readonly retryable: boolean;
  /** Milliseconds that the other side asked us to wait. */
  readonly retryAfter?: number | undefined;
}

/** One URL that is told things; through HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Disposing breaks off what is under way. */
export interface Endpoint extends AsyncDisposable {
  /** One attempt, at most 10 s; follows no redirect. Resolves to undefined where the answer is 2xx. Never throws. */
  tell(body?: string): Promise<Unheard | undefined>;
}

/** @param headers sent along; a body is JSON */
export function openEndpoint(url: Secret, headers: ReadonlyMap<string, Secret> = new Map()): Endpoint {
  const target = new URL(url.reveal());
  const dispatcher = new EnvHttpProxyAgent({ headersTimeout: TIMEOUT, connectTimeout: TIMEOUT });
  const closing = new AbortController();
  const sent: Record<string, string> = { 'user-agent': `exportd/${VERSION}`, ...credentialsOf(target) };
  for (const [name, value] of headers) sent[name.toLowerCase()] = value.reveal();
  return {
    async tell(body) {
      const late = AbortSignal.timeout(TIMEOUT);
      try {
        const answer = await dispatcher.request({
          origin: target.origin,
          path: `${target.pathname}${target.search}`,
          method: body === undefined ? 'GET' : 'POST',
          headers: body === undefined ? sent : { 'content-type': 'application/json', ...sent },
          body: body ?? null,
          signal: AbortSignal.any([late, closing.signal]),
        });
        // What it has to say beyond its status is not waited for.
        answer.body.on('error', () => undefined).destroy();
        return refusal(answer.statusCode, answer.headers);
      } catch (error) {
        return { why: late.aborted ? SILENT : reasonOf(error), retryable: true };
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await dispatcher.destroy();
    },
  };
}

function refusal(status: number, headers: Readonly<Record<string, unknown>>): Unheard | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400) {
    return { why: `answered ${status}: a redirect, which is not followed`, retryable: false };
  }
  const seconds = Number(headers['retry-after']);
  const retryable = status === 408 || status === 425 || status === 429 || status >= 500;
  return { why: `answered ${status}`, retryable, retryAfter: Number.isFinite(seconds) ? seconds * 1000 : undefined };
}

/** Their messages name hosts and paths: the code says enough. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.HeadersTimeoutError) return SILENT;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no connection';
  return `cannot be reached (${code})`;
}

/** `https://user:password@…`, as the services of heartbeats write it. */
function credentialsOf(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {};
  const plain = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(plain).toString('base64')}` };
}
