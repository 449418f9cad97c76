import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { DataType } from '../core/words.ts';
import type { Bytes } from '../http/receive.ts';
import { type Asked, type ExportTools, exportCsv, exportJson } from './export.ts';
import { authorize, refuseBrowsers } from './keys.ts';
import { exportSchema } from './openapi.ts';
import type { RateLimit } from './rate-limit.ts';
import { type Exported, type ExportRecord, ended } from './record.ts';
import { badRequest, noUsage } from './refusal.ts';
import { type ExportBody, type ExportRoute, readExport } from './request.ts';
import { signatureOf } from './signature.ts';
import { breakOffWhereStalled } from './stall.ts';
import type { Surroundings } from './surroundings.ts';
import type { RowCount } from './whole-rows.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of requests for an export. */
    record: ExportRecord | undefined;
  }
}

interface Around extends Surroundings {
  readonly tools: ExportTools;
  readonly rateLimit: RateLimit;
  /** What download URLs start with, before the prefix. */
  readonly publicUrl: () => string;
  readonly exported: (record: Exported) => void;
}

const NAMES: Readonly<Record<string, DataType>> = {
  users: 'users',
  assistants: 'agents',
  agents: 'agents',
  'api-keys': 'api-keys',
  projects: 'projects',
  models: 'models',
};

/** `POST /export/{name}`, `…/csv` and `…/json`; without a format the answer is the CSV answer. */
export function exportRoutes(api: FastifyInstance, around: Around): void {
  api.decorateRequest('record', undefined);
  for (const [name, dataType] of Object.entries(NAMES)) {
    for (const format of [undefined, 'csv', 'json'] as const) {
      const route: ExportRoute = { dataType, name, format: format ?? 'csv' };
      api.post<{ Body: ExportBody }>(format === undefined ? `/export/${name}` : `/export/${name}/${format}`, {
        schema: exportSchema(route, format === undefined),
        attachValidation: true,
        onRequest: async (request, reply) => admit(route, request, reply, around),
        onError: async (request, _reply, error) => {
          if (request.record !== undefined) request.record.failure = error;
        },
        handler: async (request, reply) => {
          const asked = askedOf(route, request, reply, around);
          return route.format === 'json'
            ? answerJson(asked, request, reply, around)
            : answerCsv(asked, request, around);
        },
      });
    }
  }
}

/** Before a byte of the body is read: who it is, and whether it is not too often. From here on the request is on record. */
function admit(route: ExportRoute, request: FastifyRequest, reply: FastifyReply, around: Around): void {
  const { clock, metrics, config, rateLimit, exported } = around;
  const record: ExportRecord = {
    route,
    at: clock(),
    began: performance.now(),
    client: request.ip,
    count: { rows: 0 },
  };
  request.record = record;
  metrics.began();
  reply.raw.once('close', () => {
    const told = ended(record, reply.statusCode, reply.raw.writableFinished);
    metrics.ended(told);
    exported(told);
  });
  refuseBrowsers(request.headers);
  record.key = authorize(request.headers, config().keys);
  reply.headers(rateLimit.take(record.key.workspace, config().rate));
}

function askedOf(
  route: ExportRoute,
  request: FastifyRequest<{ Body: ExportBody }>,
  reply: FastifyReply,
  around: Around,
): Asked {
  const { record, validationError: error } = request;
  if (record?.key === undefined) throw new TypeError('a request is let in before it is answered');
  if (hasZodFastifySchemaValidationErrors(error)) throw badRequest(misformed(error.validation));
  record.request = readExport(route, request.body);
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, around.closing]);
  return { request: record.request, key: record.key, config: around.config(), signal };
}

/** The first field that is wrong, and why. */
function misformed(
  issues: readonly { readonly instancePath: string; readonly message?: string | undefined }[],
): string {
  const [{ instancePath, message = 'invalid' } = { instancePath: '/' }] = issues;
  const field = instancePath.slice(1).replaceAll('/', '.');
  return `${field === '' ? 'body' : field}: ${message}`.slice(0, 300);
}

async function answerCsv(asked: Asked, { record }: FastifyRequest, around: Around) {
  const { request, key, config } = asked;
  const { id, rows } = await exportCsv(asked, around.tools);
  if (record !== undefined) record.count.rows = rows;
  const kind = `${request.name}-usage`;
  const file = `${kind}-${request.dates.from}-${request.dates.to}-${id.slice(0, 8)}.csv`;
  const expires = Math.ceil((around.clock() + config.urlTtl) / 1000);
  const query = `expires=${expires}&signature=${signatureOf(id, expires, config.signingKey)}`;
  return {
    success: true,
    data: {
      filePath: `${kind}/${encodeURIComponent(key.workspace)}/${file}`,
      downloadUrl: `${around.publicUrl()}${config.pathPrefix}/files/${id}/${file}?${query}`,
      dataType: request.name,
      recordCount: rows,
      dateRange: request.dateRange,
    },
  };
}

/** The answer begins once there is a row; what went wrong before is said with its status, and behind it by a cut. */
async function answerJson(asked: Asked, { record }: FastifyRequest, reply: FastifyReply, around: Around) {
  const count: RowCount = record?.count ?? { rows: 0 };
  const elements = exportJson(asked, around.tools, count);
  const first = await elements.next();
  if (first.done === true) throw noUsage();
  breakOffWhereStalled(reply.raw, around.limits.stall);
  reply.hijack();
  reply.type('application/json; charset=utf-8');
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  try {
    await pipeline(whole(first.value, elements, asked, count), reply.raw);
  } catch (error) {
    // The connection is broken by now: that is how the client learns of it.
    if (record !== undefined) record.failure = error;
  }
}

async function* whole(first: Buffer, elements: Bytes, { request }: Asked, count: RowCount): Bytes {
  yield Buffer.from('{"success":true,"data":[');
  yield first;
  yield* elements;
  const metadata = { dataType: request.name, recordCount: count.rows, dateRange: request.dateRange };
  yield Buffer.from(`],"metadata":${JSON.stringify(metadata)}}`);
}
