import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { DaemonConfig } from '../config/load.ts';
import { ExportdError } from '../core/errors.ts';
import type { Wish } from '../core/plan.ts';
import type { Instant } from '../core/words.ts';
import type { LastSeen } from '../daemon/last-seen.ts';
import { errorDocument, jobsDocument, periodsDocument, readinessDocument, runsDocument } from './documents.ts';
import { isTrusted, refusalOf } from './guard.ts';
import { backfillWish, runWish } from './wishes.ts';

export interface PageOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** The config in force: its token may change while the daemon runs. */
  readonly daemon: () => DaemonConfig;
  readonly lastSeen: LastSeen;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly requestRun: (job: string, wish: Wish) => 'queued' | 'running';
  readonly clock: () => Instant;
  /** Known secrets are replaced in what is answered. */
  readonly redact: (text: string) => string;
}

/** What the daemon says over HTTP. Everything is answered from what was seen last: no request reaches a warehouse. */
export interface Page extends AsyncDisposable {
  /** `http://127.0.0.1:9464`, with the port that was really taken. */
  readonly url: string;
}

/** A body is a wish of a few words. */
const LARGEST_BODY = 10_000;

/** Throws NOT_POSSIBLE where the address cannot be listened on. */
export async function openPage(options: PageOptions): Promise<Page> {
  const server = fastify({
    bodyLimit: LARGEST_BODY,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  });
  // A form of another site can send text, and JSON only where the other side agrees.
  server.removeContentTypeParser('text/plain');
  guard(server, options);
  routes(server, options);
  failures(server);
  server.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' ? options.redact(payload) : payload,
  );
  const { host, port } = options.listen;
  try {
    const url = await server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port });
    return { url, [Symbol.asyncDispose]: () => server.close() };
  } catch (error) {
    await server.close();
    throw notListening(`${host}:${port}`, error);
  }
}

function guard(server: FastifyInstance, { daemon }: PageOptions): void {
  server.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    const { method, headers } = request;
    const path = request.url.split('?', 1)[0] ?? '';
    const refusal = refusalOf({ method, path, headers }, daemon());
    if (refusal === undefined) return;
    if (refusal.challenge !== undefined) reply.header('www-authenticate', refusal.challenge);
    return refuse(reply, refusal.status, 'NOT_POSSIBLE', refusal.message);
  });
}

function routes(server: FastifyInstance, { lastSeen, metrics, daemon, requestRun, clock }: PageOptions): void {
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (request, reply) => {
    const document = readinessDocument(lastSeen);
    reply.status(document.ready ? 200 : 503);
    return isTrusted(request.headers, daemon()) ? document : { ready: document.ready };
  });
  server.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType);
    return metrics.text();
  });
  server.get('/api/jobs', async () => jobsDocument(lastSeen, clock()));
  server.get('/api/runs', async () => runsDocument(lastSeen.runs()));
  server.get<OfJob>('/api/jobs/:name/periods', async ({ params: { name } }, reply) => {
    if (lastSeen.jobNamed(name) === undefined) return noSuchJob(reply);
    return periodsDocument(name, lastSeen.periods(name));
  });
  const request =
    (wishOf: (body: unknown) => Wish) =>
    async ({ params: { name }, body }: FastifyRequest<OfJob>, reply: FastifyReply) => {
      if (lastSeen.jobNamed(name) === undefined) return noSuchJob(reply);
      if (lastSeen.stopping) return refuse(reply, 503, 'NOT_POSSIBLE', 'the daemon is stopping');
      reply.status(202);
      return { job: name, status: requestRun(name, wishOf(body)) };
    };
  server.post<OfJob>('/api/jobs/:name/run', request(runWish));
  server.post<OfJob>('/api/jobs/:name/backfill', request(backfillWish));
}

interface OfJob {
  Params: { name: string };
}

function failures(server: FastifyInstance): void {
  server.setNotFoundHandler((_request, reply) => {
    return refuse(reply, 404, 'USAGE', 'there is /healthz, /readyz, /metrics, /api/jobs, /api/runs and what is below');
  });
  server.setErrorHandler((error, _request, reply) => {
    if (error instanceof ExportdError) return refuse(reply, 400, error.code, error.message);
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
    // Of a broken body, only that it is broken: it may quote what nobody should read.
    if (status >= 400 && status < 500) return refuse(reply, status, 'USAGE', 'the request cannot be read');
    return refuse(reply, 500, 'INTERNAL', 'unexpected error in exportd');
  });
}

function noSuchJob(reply: FastifyReply) {
  return refuse(reply, 404, 'USAGE', 'there is no such job in the config');
}

function refuse(reply: FastifyReply, status: number, code: ExportdError['code'], message: string) {
  return reply.status(status).send({ error: errorDocument({ code, message, hint: undefined }) });
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'it is no address of this machine',
  ENOTFOUND: 'nobody knows this host',
};

function notListening(address: string, error: unknown): ExportdError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return new ExportdError('NOT_POSSIBLE', `cannot listen on ${address}: ${WHY[code] ?? code}`, {
    scope: 'config',
    hint: 'Stop the other process, or set daemon.listen to another address; null listens nowhere.',
    at: ['daemon', 'listen'],
  });
}
