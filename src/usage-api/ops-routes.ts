import type { FastifyInstance } from 'fastify';
import type { ApiMetrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

/** For whoever runs the server; never below the prefix, so that nothing of them need be reachable from outside. */
export function opsRoutes(
  server: FastifyInstance,
  { readiness, metrics }: { readonly readiness: Readiness; readonly metrics: ApiMetrics },
): void {
  const schema = { hide: true };
  server.get('/healthz', { schema }, async () => ({ status: 'ok' }));
  server.get('/readyz', { schema }, async (_request, reply) => {
    const reasons = await readiness.reasons();
    reply.status(reasons.length === 0 ? 200 : 503);
    return { ready: reasons.length === 0, reasons };
  });
  server.get('/metrics', { schema }, async (_request, reply) => {
    reply.type(metrics.contentType);
    return await metrics.text();
  });
}
