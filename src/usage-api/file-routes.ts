import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ExportFiles } from './files.ts';
import { ERROR_ANSWER } from './openapi.ts';
import { Refusal } from './refusal.ts';
import { verdictOn } from './signature.ts';
import { breakOffWhereStalled } from './stall.ts';
import type { Surroundings } from './surroundings.ts';

const PARAMS = z.object({ id: z.string(), name: z.string() });
const QUERY = z.object({
  expires: z
    .string()
    .regex(/^\d{1,12}$/)
    .meta({ description: 'Seconds since 1970.' }),
  signature: z.string().max(100),
});

/** Downloads of CSV exports. Who has a URL that holds may have the file: no key is asked for, and none is to be sent. */
export function fileRoutes(api: FastifyInstance, around: Surroundings & { readonly files: ExportFiles }): void {
  const { config, clock, metrics, limits, files } = around;
  api.get<{ Params: z.output<typeof PARAMS>; Querystring: z.output<typeof QUERY> }>(
    '/files/:id/:name',
    {
      schema: {
        summary: 'Download a CSV export',
        description: 'The `downloadUrl` of a CSV answer, as it stands there. Needs no key; send none.',
        tags: ['download'],
        security: [],
        params: PARAMS,
        querystring: QUERY,
        response: {
          200: { description: 'The file.', content: { 'text/csv': { schema: z.string() } } },
          403: { ...ERROR_ANSWER, description: 'The signature is not ours, or the URL has expired.' },
          404: { ...ERROR_ANSWER, description: 'The file is not there any more.' },
        },
      },
    },
    async (request, reply) => {
      const { id, name } = request.params;
      const verdict = verdictOn(id, request.query, config().signingKey, clock());
      if (verdict !== 'valid') {
        metrics.downloaded(verdict);
        const why = verdict === 'expired' ? 'This download has expired: export again.' : 'The signature is not valid.';
        throw new Refusal(403, verdict === 'expired' ? 'EXPIRED' : 'FORBIDDEN', why);
      }
      const found = await files.open(id);
      if (found === undefined) {
        metrics.downloaded('gone');
        throw new Refusal(404, 'FILE_NOT_FOUND', 'This file is not there any more: export again.');
      }
      metrics.downloaded('served');
      breakOffWhereStalled(reply.raw, limits.stall);
      reply.headers({
        'content-type': 'text/csv; charset=utf-8',
        'content-length': found.size,
        'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
      });
      return reply.send(found.file.createReadStream({ highWaterMark: 262_144 }));
    },
  );
}
