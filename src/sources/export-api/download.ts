import { ExportdError } from '../../core/errors.ts';
import type { Instant } from '../../core/words.ts';
import { ACCEPTED_ENCODINGS, discard, readText } from '../../http/body.ts';
import { because, shownUrl } from '../../http/shown.ts';
import type { Response, Transport } from '../../http/transport.ts';
import { readDownloadUrl } from './answer.ts';
import { refuseLinkLocal } from './link-local.ts';
import { retryAfter } from './retry-after.ts';

const MOST_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches a signed URL, without the key. Follows up to five redirects, http and https only, never to a link-local
 * address. Returns the 200 and where it came from. Throws DOWNLOAD_FAILED (retryable: a new export has a new URL) or
 * DOWNLOAD_REFUSED, and what `storage` throws.
 */
export async function download(
  first: URL,
  storage: Transport,
  clock: () => Instant,
  signal: AbortSignal,
): Promise<{ readonly response: Response; readonly url: URL }> {
  let url = first;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    refuseLinkLocal(url);
    const headers = { accept: '*/*', 'accept-encoding': ACCEPTED_ENCODINGS, 'user-agent': 'exportd' };
    const response = await storage.send({ method: 'GET', url, headers }, signal);
    if (response.statusCode === 200) return { response, url };
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string') {
      const wait = retryAfter(response.headers['retry-after'], clock());
      const text = await readText(response, url, 4096);
      throw failed(`${shownUrl(url)} answered the download with ${response.statusCode}${because(text)}`, wait);
    }
    discard(response);
    url = readDownloadUrl(location, url);
  }
  throw failed(`${shownUrl(first)} redirected the download more than ${MOST_REDIRECTS} times`, undefined);
}

function failed(message: string, wait: number | undefined): ExportdError {
  return new ExportdError('DOWNLOAD_FAILED', message, {
    scope: 'period',
    retryable: true,
    retryAfter: wait,
    hint: 'signed URLs expire: the period is exported again; where this lasts, ask the people of the source',
  });
}
