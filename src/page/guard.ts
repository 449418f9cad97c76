import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { DaemonConfig } from '../config/load.ts';
import type { Secret } from '../core/secret.ts';

/** What of a request decides whether it may pass. */
export interface Knock {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** Why a request may not pass. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
  /** Of a 401: how to come back. */
  readonly challenge?: string;
}

/** Probes cannot keep secrets: these answer anybody, with no more than yes or no. */
const OPEN: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/**
 * Who may see and do what. Reading is free where no token is set; with one it takes the token, as `Bearer` or, for
 * browsers, as the password of `Basic`. Changing anything takes the token as `Bearer`, which no browser sends by itself,
 * and is refused to other sites' pages, and where no token is set.
 */
export function refusalOf(knock: Knock, { listen, token, allowPublic }: DaemonConfig): Refusal | undefined {
  const { method, path, headers } = knock;
  const isReading = method === 'GET' || method === 'HEAD';
  if (token === undefined) {
    // A site whose name was pointed at this machine would be read as ours by its own pages.
    if (!allowPublic && !isOurName(headers.host, listen?.host)) {
      return { status: 403, message: 'the host is neither this machine nor the one that daemon.listen names' };
    }
    return isReading ? undefined : { status: 403, message: 'set daemon.token to allow this' };
  }
  if (isReading) return OPEN.has(path) || isGiven(token, headers) ? undefined : unauthorized('Basic realm="exportd"');
  if (isForeign(headers)) return { status: 403, message: 'requests from pages of other sites are refused' };
  return isBearer(token, headers) ? undefined : unauthorized('Bearer realm="exportd"');
}

/** Whether a request shows the token that the config sets, or may do without. */
export function isTrusted(headers: IncomingHttpHeaders, { token }: DaemonConfig): boolean {
  return token === undefined || isGiven(token, headers);
}

function unauthorized(challenge: string): Refusal {
  return { status: 401, message: 'the token of the daemon is missing or wrong', challenge };
}

function isGiven(token: Secret, headers: IncomingHttpHeaders): boolean {
  const [scheme, value] = authorization(headers);
  if (scheme !== 'basic') return isBearer(token, headers);
  const plain = Buffer.from(value, 'base64').toString('utf8');
  return isSame(plain.slice(plain.indexOf(':') + 1), token);
}

function isBearer(token: Secret, headers: IncomingHttpHeaders): boolean {
  const [scheme, value] = authorization(headers);
  return scheme === 'bearer' && isSame(value, token);
}

function authorization(headers: IncomingHttpHeaders): readonly [scheme: string, value: string] {
  const [scheme = '', value = ''] = (headers.authorization ?? '').split(/ +/, 2);
  return [scheme.toLowerCase(), value];
}

/** In a time that tells nothing of where they differ, nor of how long the token is. */
function isSame(given: string, token: Secret): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token.reveal()));
}

/** Browsers say from whose page a request comes. */
function isForeign(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  const { origin, host } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}

/** An address, this machine, or what the config calls it; never a name that only a foreign DNS server knows. */
function isOurName(host: string | undefined, listen: string | undefined): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  const isAddress = hostname.startsWith('[') || /^\d+(\.\d+){3}$/.test(hostname);
  return isAddress || hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === listen?.toLowerCase();
}
