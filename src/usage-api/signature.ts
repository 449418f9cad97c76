import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import type { Instant } from '../core/words.ts';

/** Of a download: base64url, by the server's own key. `expires` in whole seconds. */
export function signatureOf(id: string, expires: number, key: Secret): string {
  return createHmac('sha256', key.reveal()).update(`exportd download\n${id}\n${expires}`).digest('base64url');
}

/** Whether a download may go on: its signature is ours, and it has not expired. */
export function verdictOn(
  id: string,
  query: { readonly expires: string; readonly signature: string },
  key: Secret,
  now: Instant,
): 'valid' | 'expired' | 'forged' {
  const right = Buffer.from(signatureOf(id, Number(query.expires), key));
  const given = Buffer.from(query.signature);
  if (given.length !== right.length || !timingSafeEqual(given, right)) return 'forged';
  return Number(query.expires) * 1000 > now ? 'valid' : 'expired';
}
