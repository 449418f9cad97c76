import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { z } from 'zod';
import type { UsageApiConfig } from '../config/settings.ts';
import { contractColumns, GROUPINGS } from '../core/contract.ts';
import type { ColumnType, ContractColumn, DataType } from '../core/words.ts';
import { VERSION } from '../version.ts';
import { type ExportRoute, exportBody } from './request.ts';

const ERROR = z.object({ message: z.string(), code: z.string().optional() });
export const ERROR_ANSWER = { description: 'What is wrong.', content: { 'application/json': { schema: ERROR } } };

const DATE_RANGE = z
  .object({ from: z.string(), to: z.string() })
  .meta({ description: 'The bounds as asked for, with their offsets.' });

const CSV_ANSWER = z.object({
  success: z.boolean(),
  data: z.object({
    filePath: z.string(),
    downloadUrl: z.string().meta({ description: 'GET it without the key, within 15 minutes.' }),
    dataType: z.string(),
    recordCount: z.int(),
    dateRange: DATE_RANGE,
  }),
});

/** The document's own part; routes add theirs. */
export function openApi({ publicUrl, listen }: UsageApiConfig): NonNullable<FastifyDynamicSwaggerOptions['openapi']> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Usage Export API',
      version: VERSION,
      description: 'Usage of a workspace by users, agents, API keys, projects and models, as CSV or JSON.',
    },
    servers: [{ url: publicUrl ?? `http://${listen.host}:${listen.port}` }],
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key with the scope USAGE_EXPORT_API.' },
      },
    },
    security: [{ key: [] }],
  };
}

/** What one route takes and answers. */
export function exportSchema(route: ExportRoute, isDefault: boolean) {
  const { name, dataType, format } = route;
  const words = name.replace('-', ' ');
  const errors = {
    400: {
      ...ERROR_ANSWER,
      description: 'A field is wrong, or the period is too large: the message says which and why.',
    },
    401: { ...ERROR_ANSWER, description: 'The provided API key is invalid.' },
    403: { ...ERROR_ANSWER, description: 'The key lacks the scope, or the request comes from a browser.' },
    404: { ...ERROR_ANSWER, description: 'No usage data found for the selected period.' },
    413: { ...ERROR_ANSWER, description: 'The body is too large.' },
    429: { ...ERROR_ANSWER, description: 'Too many requests of this workspace: Retry-After says when to come back.' },
    503: { ...ERROR_ANSWER, description: 'The usage store or the disk is not available: ask again later.' },
  };
  const answer =
    format === 'csv'
      ? { description: 'Where the CSV file is.', content: { 'application/json': { schema: CSV_ANSWER } } }
      : { description: 'The rows.', content: { 'application/json': { schema: jsonAnswer(dataType) } } };
  return {
    operationId: `export-${name}${isDefault ? '' : `-${format}`}`,
    summary: `Export ${words} usage as ${format === 'csv' ? 'a CSV file' : 'JSON'}${isDefault ? ' (the default)' : ''}`,
    tags: [words],
    body: exportBody(dataType),
    response: { 200: answer, ...errors },
  };
}

function jsonAnswer(dataType: DataType) {
  return z.object({
    success: z.boolean(),
    data: z.array(z.object(rowShape(dataType))),
    metadata: z.object({ dataType: z.string(), recordCount: z.int(), dateRange: DATE_RANGE }),
  });
}

/** Every column that a row may have; which are there depends on grouping and workspace. */
function rowShape(dataType: DataType): Record<string, z.ZodType> {
  const every = columnsOf(dataType).map(({ name, type, description }) => {
    return [name, schemaOf(type).nullable().optional().meta({ description })] as const;
  });
  return Object.fromEntries(every);
}

/** All columns of a data type, those of its groupings among them. */
export function columnsOf(dataType: DataType): readonly ContractColumn[] {
  const reports = [undefined, ...GROUPINGS[dataType]].map((groupBy) => contractColumns({ dataType, groupBy }));
  return [...new Map(reports.flat().map((column) => [column.name, column])).values()];
}

function schemaOf(type: ColumnType): z.ZodType {
  switch (type) {
    case 'integer':
      return z.int();
    case 'float':
    case 'numeric':
      return z.number();
    case 'boolean':
      return z.boolean();
    case 'date':
      return z.iso.date();
    case 'map':
      return z.record(z.string(), z.int());
    default:
      return z.string();
  }
}
