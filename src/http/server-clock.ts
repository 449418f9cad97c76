import type { Instant } from '../core/words.ts';
import { openTransport } from './transport.ts';

/** Milliseconds. */
const PATIENCE = 10_000;

/** The clock of whoever answers at a URL, to the second; undefined where the answer does not tell. Throws as a transport does. */
export async function serverClock(url: string, signal: AbortSignal): Promise<Instant | undefined> {
  await using transport = openTransport({ timeout: PATIENCE, stops: 'source' });
  const { headers, body } = await transport.send({ method: 'GET', url: new URL(url), headers: {} }, signal);
  await body.dump();
  const at = typeof headers.date === 'string' ? Date.parse(headers.date) : Number.NaN;
  // The header leaves out the milliseconds: half a second is the best guess.
  return Number.isNaN(at) ? undefined : at + 500;
}
