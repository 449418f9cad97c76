import { createHash } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A body's bytes as they come. */
export type Bytes = AsyncIterable<Buffer>;

/** What bytes go through on their way. A generator costs one call a chunk, where a stream costs a dozen. */
export type Stage = (bytes: Bytes) => Bytes;

/** Where a body goes: a file of the spool. */
export interface Sink {
  writable(): Writable;
}

/** The decoded body, as it went by. */
export interface Received {
  readonly bytes: number;
  /** SHA-256, hex. */
  readonly digest: string;
  readonly lastByte: number | undefined;
}

/**
 * Streams a body to its last byte into `into`: through `decoding`, after which it is digested and counted, then through
 * `rewriting`. Throws what any of them throws; `body` is destroyed then.
 */
export async function receive(
  body: Readable,
  decoding: readonly Stage[],
  rewriting: readonly Stage[],
  into: Sink,
): Promise<Received> {
  const hash = createHash('sha256');
  let bytes = 0;
  let lastByte: number | undefined;
  async function* tally(chunks: Bytes): Bytes {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      lastByte = chunk.at(-1) ?? lastByte;
      yield chunk;
    }
  }
  await pipeline(body, (chunks: Bytes) => through(chunks, [...decoding, tally, ...rewriting]), into.writable());
  return { bytes, digest: hash.digest('hex'), lastByte };
}

/** The bytes as they come out of the last stage. */
export function through(bytes: Bytes, stages: readonly Stage[]): Bytes {
  return stages.reduce((chunks, stage) => stage(chunks), bytes);
}
