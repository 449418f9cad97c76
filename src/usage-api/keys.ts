import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { ApiKeyConfig } from '../config/settings.ts';
import { Refusal } from './refusal.ts';

export const SCOPE = 'USAGE_EXPORT_API';

/** 256 random bits, under a name by which scanners of repositories know what leaked. */
export function newKey(): string {
  return `exportd_${randomBytes(32).toString('base64url')}`;
}

/** What is kept of a key. It has too many bits to be guessed: a slow hash would only slow us. */
export function hashOf(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/**
 * Whose key a request shows. Throws 401 for none or one that is unknown, 403 for one without the scope. Every key is
 * compared to its end, so that the time tells nothing of them.
 */
export function authorize(headers: IncomingHttpHeaders, keys: readonly ApiKeyConfig[]): ApiKeyConfig {
  const [, given] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  const hash = Buffer.from(hashOf(given ?? ''));
  let found: ApiKeyConfig | undefined;
  for (const key of keys) if (timingSafeEqual(hash, Buffer.from(key.hash))) found = key;
  if (given === undefined || found === undefined) {
    throw new Refusal(401, undefined, 'The provided API key is invalid.', { 'www-authenticate': 'Bearer' });
  }
  if (!found.scopes.includes(SCOPE)) {
    throw new Refusal(403, 'FORBIDDEN', `The API key lacks the scope ${SCOPE}.`);
  }
  return found;
}

/** Throws 403 for what a page in a browser sends: a key in a page is a key for everybody. */
export function refuseBrowsers(headers: IncomingHttpHeaders): void {
  if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return;
  throw new Refusal(403, 'FORBIDDEN', 'Requests from a browser are refused, to protect your API key.');
}
