import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { ExportdError } from '../core/errors.ts';
import { type Bytes, type Received, receive, type Sink, type Stage, through } from './receive.ts';
import { because, shownText, shownUrl } from './shown.ts';
import type { Response } from './transport.ts';

/** What we can decode; the request says so. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br, zstd';

const CHUNK = 65_536;

/** A body that brings less than this is as good as cut. */
export interface SlowestBody {
  readonly bytes: number;
  /** Milliseconds. */
  readonly within: number;
}

const SLOWEST: SlowestBody = { bytes: 300_000, within: 5 * 60_000 };

/**
 * Streams a body to its last byte into `into`, decoded, and rewritten by `rewriting`.
 * Throws BODY_SHORT where it ended early, stood still or trickled, BODY_MALFORMED where it cannot be decoded (both
 * retryable), and what `rewriting` and `into` throw.
 */
export async function receiveBody(
  response: Response,
  url: URL,
  rewriting: readonly Stage[],
  into: Sink,
  slowest: SlowestBody = SLOWEST,
): Promise<Received> {
  try {
    return await receive(response.body, [noTrickle(slowest, url), ...decoders(response)], rewriting, into);
  } catch (error) {
    discard(response);
    throw bodyFailure(error, url);
  }
}

/**
 * A body's decoded bytes as they come; one that is left before its end is broken off. Throws as `receiveBody` does.
 */
export async function* bytesOf(response: Response, url: URL): Bytes {
  try {
    yield* through(response.body, [noTrickle(SLOWEST, url), ...decoders(response)]);
  } catch (error) {
    throw bodyFailure(error, url);
  } finally {
    discard(response);
  }
}

/** The decoded start of a body as text, at most `limit` bytes of it. Throws as `receiveBody` does. */
export async function readText(response: Response, url: URL, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let left = limit;
  try {
    for await (const chunk of through(response.body, [noTrickle(SLOWEST, url), ...decoders(response)])) {
      chunks.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) break;
    }
  } catch (error) {
    throw bodyFailure(error, url);
  } finally {
    discard(response);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Breaks off a body that nobody reads, and its connection. */
export function discard({ body }: Response): void {
  body.on('error', () => {
    // That is us, breaking it off.
  });
  body.destroy();
}

/** True where nothing but the connection's end says that the body is over. */
export function endsWithConnection(response: Response): boolean {
  return response.headers['content-length'] === undefined && response.headers['transfer-encoding'] === undefined;
}

/** True where the body was compressed, and so proves by itself that it is whole. */
export function isEncoded(response: Response): boolean {
  return encodingsOf(response).length > 0;
}

function encodingsOf({ headers }: Response): string[] {
  return [headers['content-encoding'] ?? []]
    .flat()
    .join(',')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
}

/** Undoes the encodings, the last one first. */
function decoders(response: Response): Stage[] {
  return encodingsOf(response)
    .reverse()
    .map((name) => {
      const decoder = decoderOf(name);
      return (chunks) =>
        pipeline(chunks, decoder, () => {
          // Whoever reads the decoder hears of it.
        });
    });
}

function decoderOf(name: string): Transform {
  switch (name) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip({ chunkSize: CHUNK });
    case 'deflate':
      return createInflate({ chunkSize: CHUNK });
    case 'br':
      return createBrotliDecompress({ chunkSize: CHUNK });
    case 'zstd':
      return createZstdDecompress({ chunkSize: CHUNK });
    default:
      throw new ExportdError('BODY_MALFORMED', `the answer is encoded as ${shownText(name)}`, {
        scope: 'period',
        hint: `exportd asked for ${ACCEPTED_ENCODINGS}; something between here and the source ignores that`,
      });
  }
}

/** Idle connections are ended by the transport; this ends those that keep sending next to nothing. */
function noTrickle(slowest: SlowestBody, url: URL): Stage {
  return async function* (chunks) {
    let since = performance.now();
    let bytes = 0;
    for await (const chunk of chunks) {
      const now = performance.now();
      bytes += chunk.length;
      if (now - since >= slowest.within) {
        if (bytes < slowest.bytes) {
          throw short(`${shownUrl(url)} sent ${bytes} bytes in ${Math.round((now - since) / 1000)} s`);
        }
        since = now;
        bytes = 0;
      }
      yield chunk;
    }
  };
}

function bodyFailure(error: unknown, url: URL): unknown {
  if (error instanceof ExportdError || !(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  // Node's own complaint of a wrong call is a bug of ours, not a broken body.
  if (code.startsWith('ERR_INVALID_')) return error;
  if (code === 'Z_BUF_ERROR') return short(`the compressed answer of ${shownUrl(url)} ends in the middle`);
  if (/^(Z_|ZSTD_|ERR__?ERROR|ERR_BROTLI|ERR_ZSTD)/.test(code)) {
    return new ExportdError('BODY_MALFORMED', `the answer of ${shownUrl(url)} cannot be decompressed (${code})`, {
      scope: 'period',
      retryable: true,
      hint: 'the source is asked again; nothing of it was loaded',
    });
  }
  if (code === 'UND_ERR_BODY_TIMEOUT') return short(`${shownUrl(url)} fell silent in the middle of its answer`);
  return short(`the answer of ${shownUrl(url)} broke off${because(error.message)}`);
}

/** A body that is not whole: the period is asked for again. */
export function short(message: string): ExportdError {
  return new ExportdError('BODY_SHORT', message, {
    scope: 'period',
    retryable: true,
    hint: 'the source is asked again; nothing of it was loaded',
  });
}
