/**
 * The Usage Export API as its contract describes it, on loopback, with usage that a test chooses and faults that it
 * plants. Plain node:http, so that every byte and every reset is ours to choose.
 */
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Instant } from '../../src/core/words.ts';
import { createAnswers } from './usage-api/answers.ts';
import { Refusal, routeOf } from './usage-api/export-request.ts';
import { type Fault, Faults, insteadOf, type PlantedFault } from './usage-api/faults.ts';
import { Files } from './usage-api/files.ts';
import type { UsageApiOptions } from './usage-api/options.ts';
import { aborted, pause, sendShort } from './usage-api/respond.ts';

export type { ExportRequest } from './usage-api/export-request.ts';
export type { Fault, PlantedFault } from './usage-api/faults.ts';
export type { UsageApiOptions } from './usage-api/options.ts';
export { exact, type Row } from './usage-api/rows.ts';

/** One request as it was seen. */
export interface SeenRequest {
  readonly at: Instant;
  readonly kind: 'export' | 'download' | 'other';
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed JSON body, or undefined. */
  readonly body: unknown;
  /** The planted fault that fell on it. */
  readonly fault: Fault['kind'] | undefined;
  /** undefined as long as, or where, no status was sent. */
  readonly status: number | undefined;
}

export interface UsageApi extends AsyncDisposable {
  /** What `base_url` is set to, with the prefix. */
  readonly url: string;
  /** Where downloads come from. */
  readonly storageUrl: string;
  /** Everything that came, oldest first; `requests.length = 0` forgets it. */
  readonly requests: SeenRequest[];
  fault(fault: Fault): PlantedFault;
  /** Ends all faults and lets go what they hold back. */
  liftFaults(): void;
  /** The first request, past or future, that fits: how a test waits for one. */
  seen(fits: (request: SeenRequest) => boolean): Promise<SeenRequest>;
}

/** Starts the API on loopback: ready when this returns, gone with all its connections when disposed of. */
export async function startUsageApi(options: UsageApiOptions = {}): Promise<UsageApi> {
  const prefix = options.prefix ?? '';
  const files = new Files(options.urlTtl ?? 15 * 60_000);
  const faults = new Faults();
  const requests: SeenRequest[] = [];
  const waiting = new Set<{ fits: (request: SeenRequest) => boolean; resolve: (request: SeenRequest) => void }>();

  const api = await listen('127.0.0.1', options.port ?? 0);
  const storage = options.storageHost === undefined ? api : await listen(options.storageHost, 0);
  for (const server of new Set([api, storage])) server.on('request', (...exchange) => void serve(...exchange));
  const storageUrl = originOf(storage);
  const answers = createAnswers(options, files, storageUrl);

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const text = await textOf(request);
    if (text === undefined) return;
    const body = parsed(text);
    if (options.control !== undefined && url.pathname === '/_control') {
      sendShort(response, { status: 200, headers: {}, body: { result: options.control(body) ?? null } });
      return;
    }
    const path = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : '';
    const route = method === 'POST' ? routeOf(path) : undefined;
    const isDownload = method === 'GET' && url.pathname.startsWith('/files/');
    const kind = route !== undefined ? 'export' : isDownload ? 'download' : 'other';
    const hit =
      kind === 'other'
        ? undefined
        : faults.take({ on: kind, rows: isDownload || route?.format === 'json' }, `${method} ${url.pathname} ${text}`);
    note({
      at: Date.now(),
      kind,
      method,
      path: url.pathname + url.search,
      headers: request.headers,
      body,
      fault: hit?.fault.kind,
      get status() {
        return response.headersSent ? response.statusCode : undefined;
      },
    });
    const gone = goneSignal(response);
    if (hit?.fault.kind === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (hit?.fault.kind === 'hang') await Promise.race([hit.lifted, aborted(gone)]);
    if (hit?.fault.kind === 'delay') await pause(hit.fault.ms, gone);
    if (gone.aborted) return;
    try {
      if (hit?.fault.kind === 'expired') files.expire(url);
      const instead = hit === undefined ? undefined : insteadOf(hit.fault);
      if (instead !== undefined) sendShort(response, instead);
      else if (route !== undefined) await answers.export({ request, response, hit, gone }, route, body);
      else if (isDownload) await answers.download({ request, response, hit, gone }, url);
      else sendShort(response, { status: 404, headers: {}, body: { message: `Cannot ${method} ${url.pathname}` } });
    } catch (error) {
      if (error instanceof Refusal) sendShort(response, error.answer());
      else if (response.headersSent) response.destroy();
      else sendShort(response, { status: 500, headers: {}, body: { message: `The test's own code failed: ${error}` } });
    }
  }

  function note(request: SeenRequest): void {
    requests.push(request);
    for (const waiter of waiting) {
      if (!waiter.fits(request)) continue;
      waiting.delete(waiter);
      waiter.resolve(request);
    }
  }

  return {
    url: originOf(api) + prefix,
    storageUrl,
    requests,
    fault: (fault) => faults.plant(fault),
    liftFaults: () => faults.liftAll(),
    seen: (fits) => {
      const past = requests.find(fits);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve) => waiting.add({ fits, resolve }));
    },
    [Symbol.asyncDispose]: async () => {
      faults.liftAll();
      await Promise.all([...new Set([api, storage])].map(closed));
    },
  };
}

async function listen(host: string, port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

async function closed(server: Server): Promise<void> {
  const ended = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await ended;
}

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port.');
  return `http://${address.address}:${address.port}`;
}

/** Fires once the client is gone or the answer is whole. */
function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

/** undefined where the client went away in the middle. */
async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
