import fastifySwagger from '@fastify/swagger';
import { type FastifyInstance, fastify } from 'fastify';
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { openClickHouse } from '../clickhouse/connect.ts';
import type { UsageApiConfig } from '../config/settings.ts';
import { ExportdError } from '../core/errors.ts';
import type { Instant } from '../core/words.ts';
import { docsRoutes } from './docs-routes.ts';
import { exportRoutes } from './export-routes.ts';
import { fileRoutes } from './file-routes.ts';
import { openFiles } from './files.ts';
import { ApiMetrics } from './metrics.ts';
import { openApi } from './openapi.ts';
import { opsRoutes } from './ops-routes.ts';
import { RateLimit } from './rate-limit.ts';
import { Readiness } from './readiness.ts';
import type { Exported } from './record.ts';
import { Refusal, refusalOf } from './refusal.ts';
import type { Limits, Surroundings } from './surroundings.ts';
import { Turns } from './turns.ts';

const LIMITS: Limits = { headers: 10_000, request: 30_000, stall: 60_000, body: 16_384 };
/** How often files are looked at that have had their time. */
const SWEEP_EVERY = 15_000;

export interface UsageApiOptions {
  readonly config: UsageApiConfig;
  readonly clock: () => Instant;
  /** Told of every request for an export, once it has ended. */
  readonly exported: (record: Exported) => void;
  /** Told of what went wrong and concerns no export. */
  readonly failed: (error: unknown) => void;
  readonly limits?: Partial<Limits>;
}

/** The Usage Export API, listening. */
export interface UsageApi extends AsyncDisposable {
  /** `http://127.0.0.1:8787`, with the port that was really taken; without the prefix. */
  readonly url: string;
  /**
   * From here on keys, limits, times and the signing key are those of `config`. Returns the YAML's names of what has
   * changed and is read at a start alone: it stays as it was. (A rotated password of ClickHouse is not seen.)
   */
  reconfigure(config: UsageApiConfig): readonly string[];
  /** Answers no new request, and ends once those in hand are answered or downloaded; false where `grace` was too short. */
  stop(grace: number): Promise<boolean>;
}

/** Throws NOT_POSSIBLE where the address cannot be listened on. */
export async function openUsageApi(options: UsageApiOptions): Promise<UsageApi> {
  const { clock } = options;
  let config = options.config;
  const limits = { ...LIMITS, ...options.limits };
  const closing = new AbortController();
  const surroundings: Surroundings = {
    config: () => config,
    closing: closing.signal,
    limits,
    clock,
    metrics: new ApiMetrics(),
  };
  await using stack = new AsyncDisposableStack();
  const store = stack.use(openClickHouse(config.clickHouse));
  const files = openFiles(config.filesDir, () => config.urlTtl);
  const readiness = new Readiness({ store, files });
  const rateLimit = new RateLimit(() => performance.now());
  const tools = { store, files, turns: new Turns(), clock };

  const server = fastify({
    bodyLimit: limits.body,
    requestTimeout: limits.request,
    http: {
      highWaterMark: 524_288,
      headersTimeout: limits.headers,
      connectionsCheckingInterval: Math.min(1_000, limits.headers),
    },
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 500 },
  });
  let url = '';
  const publicUrl = () => config.publicUrl ?? url;
  answerFailures(server, options.failed);
  opsRoutes(server, { readiness, metrics: surroundings.metrics });
  await server.register(fastifySwagger, { openapi: openApi(config), transform: jsonSchemaTransform });
  await server.register(
    async (api) => {
      exportRoutes(api, { ...surroundings, tools, rateLimit, publicUrl, exported: options.exported });
      fileRoutes(api, { ...surroundings, files });
      docsRoutes(api, config.pathPrefix);
    },
    { prefix: config.pathPrefix },
  );
  const { host, port } = config.listen;
  try {
    url = await server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port });
  } catch (error) {
    await server.close();
    throw notListening(`${host}:${port}`, error);
  }
  const sweep = () => void files.sweep(clock()).catch(options.failed);
  sweep();
  const sweeping = setInterval(sweep, SWEEP_EVERY);
  stack.defer(() => clearInterval(sweeping));
  const open = stack.move();

  const stop = async (grace: number): Promise<boolean> => {
    readiness.stopping = true;
    const timer = setTimeout(() => {
      closing.abort(new Refusal(503, 'SERVICE_UNAVAILABLE', 'The server is stopping.'));
      server.server.closeAllConnections();
    }, grace);
    // A client that was told `keep-alive` before the stop would keep its connection for the next request that it has.
    const idle = setInterval(() => server.server.closeIdleConnections(), 50);
    await server.close();
    clearInterval(idle);
    clearTimeout(timer);
    await open.disposeAsync();
    return !closing.signal.aborted;
  };
  return {
    url,
    reconfigure(next) {
      const { listen, pathPrefix, clickHouse, filesDir } = config;
      const fixed = { listen, path_prefix: pathPrefix, clickhouse: clickHouse, files_dir: filesDir };
      const wanted: typeof fixed = {
        listen: next.listen,
        path_prefix: next.pathPrefix,
        clickhouse: next.clickHouse,
        files_dir: next.filesDir,
      };
      config = { ...next, listen, pathPrefix, clickHouse, filesDir };
      return (['listen', 'path_prefix', 'clickhouse', 'files_dir'] as const).filter(
        (name) => JSON.stringify(wanted[name]) !== JSON.stringify(fixed[name]),
      );
    },
    stop,
    [Symbol.asyncDispose]: async () => void (await stop(0)),
  };
}

function answerFailures(server: FastifyInstance, failed: (error: unknown) => void): void {
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
  });
  server.setErrorHandler((error, _request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.status === 500) failed(error);
    return reply.headers(refusal.headers).status(refusal.status).send(refusal.body);
  });
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = (['POST', 'GET'] as const).filter((method) => server.findRoute({ method, url: path }) !== null);
    const refusal =
      allowed.length > 0
        ? new Refusal(405, 'METHOD_NOT_ALLOWED', `${path} takes ${allowed.join(' and ')}`, {
            allow: allowed.join(', '),
          })
        : new Refusal(404, 'ROUTE_NOT_FOUND', 'There is no such route: /docs lists them.');
    return reply.headers(refusal.headers).status(refusal.status).send(refusal.body);
  });
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'it is no address of this machine',
  ENOTFOUND: 'nobody knows this host',
};

function notListening(address: string, error: unknown): ExportdError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new ExportdError('NOT_POSSIBLE', `cannot listen on ${address}: ${WHY[code] ?? code}`, {
    scope: 'config',
    hint: 'change usage_api.listen',
    at: ['usage_api', 'listen'],
  });
}
