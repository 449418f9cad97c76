import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Hit, ShortAnswer } from './faults.ts';
import { spoil } from './spoil.ts';

/** Sends a short answer; an object as JSON. */
export function sendShort(response: ServerResponse, answer: ShortAnswer): void {
  const isText = typeof answer.body === 'string';
  const bytes = Buffer.from(isText ? (answer.body as string) : JSON.stringify(answer.body));
  if (!isText) response.setHeader('content-type', 'application/json');
  for (const [name, value] of Object.entries(answer.headers)) {
    response.setHeader(name, typeof value === 'string' ? value : [...value]);
  }
  response.writeHead(answer.status, { 'content-length': bytes.length });
  response.end(bytes);
}

/** Sends the response that carries the rows, spoilt where a fault says so. `gone` ends what waits or trickles. */
export async function sendRows(
  response: ServerResponse,
  bytes: Buffer,
  { format, hit, gone }: { format: 'csv' | 'json'; hit: Hit | undefined; gone: AbortSignal },
): Promise<void> {
  const fault = hit?.fault;
  const sent = spoil(fault, bytes, format);
  response.statusCode = 200;
  response.setHeader('content-type', format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8');
  const half = Math.floor(sent.length / 2);
  switch (fault?.kind) {
    case 'cut':
      response.setHeader('content-length', sent.length);
      response.write(sent.subarray(0, half), () => response.socket?.resetAndDestroy());
      return;
    case 'hang-in-body':
      response.setHeader('content-length', sent.length);
      response.write(sent.subarray(0, half));
      await Promise.race([hit?.lifted, aborted(gone)]);
      response.end(sent.subarray(half));
      return;
    case 'trickle':
      await trickle(response, sent, { bytes: fault.bytes ?? 1, ms: fault.ms ?? 1, gone });
      return;
    case 'gzip':
    case 'gzip-cut':
      response.setHeader('content-encoding', 'gzip');
      response.flushHeaders();
      response.end(sent);
      return;
    case 'cut-at-record':
    case 'cut-in-record':
      response.flushHeaders();
      response.end(sent);
      return;
    default:
      response.setHeader('content-length', sent.length);
      response.end(sent);
  }
}

async function trickle(
  response: ServerResponse,
  bytes: Buffer,
  { bytes: size, ms, gone }: { bytes: number; ms: number; gone: AbortSignal },
): Promise<void> {
  response.flushHeaders();
  for (let at = 0; at < bytes.length && !gone.aborted; at += size) {
    response.write(bytes.subarray(at, at + size));
    await pause(ms, gone);
  }
  response.end();
}

/** Settles after `ms`, or when the signal fires. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** Settles when the signal fires. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
