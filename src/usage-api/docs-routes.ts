import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { DOCS_STYLE, docsPage } from './docs-page.ts';

/** The OpenAPI document, and a page for people. The page runs no script and loads nothing from anywhere. */
export function docsRoutes(api: FastifyInstance, prefix: string): void {
  const schema = { hide: true };
  api.get('/openapi.json', { schema }, async () => api.swagger());
  const page = docsPage(prefix);
  const style = createHash('sha256').update(DOCS_STYLE).digest('base64');
  api.get('/docs', { schema }, async (_request, reply) => {
    reply.type('text/html; charset=utf-8');
    reply.header('content-security-policy', `default-src 'none'; style-src 'sha256-${style}'; frame-ancestors 'none'`);
    return page;
  });
}
