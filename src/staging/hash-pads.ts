import { createHash } from 'node:crypto';
import type { Secret } from '../core/secret.ts';

const BLOCK = 64;

/**
 * The two pads of HMAC-SHA256 (RFC 2104), so that DuckDB can hash with its sha256 alone: they are bound as parameters,
 * and the key stands in no SQL text.
 */
export function hashPads(key: Secret): { readonly inner: Uint8Array; readonly outer: Uint8Array } {
  const bytes = Buffer.from(key.reveal(), 'utf8');
  const block = Buffer.alloc(BLOCK);
  (bytes.length > BLOCK ? createHash('sha256').update(bytes).digest() : bytes).copy(block);
  return { inner: block.map((byte) => byte ^ 0x36), outer: block.map((byte) => byte ^ 0x5c) };
}
