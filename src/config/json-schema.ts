import { z } from 'zod';
import { WINDOW_WORDS } from '../core/window.ts';
import { ZONES } from '../core/zones.ts';
import { CONFIG, NAME, TIMEZONE, WINDOW_WORD } from './schema.ts';

type Json = z.core.JSONSchema.BaseSchema;

/** Where a number, a word or a pattern is wanted, `${NAME}` may stand as well. */
const REFERENCE: Json = { type: 'string', pattern: '\\$\\{' };

/** The JSON Schema of a config file, for editors: descriptions, defaults, and completion of every word. */
export function configJsonSchema(): Json {
  const schema = z.toJSONSchema(CONFIG, {
    io: 'input',
    target: 'draft-7',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema === WINDOW_WORD._zod.def.in) Object.assign(jsonSchema, windowWords());
      else if (zodSchema === TIMEZONE) jsonSchema.anyOf = [{ enum: [...ZONES] }, REFERENCE];
      else allowReference(jsonSchema);
    },
  });
  allowDataType((schema.definitions as Record<string, Json> | undefined)?.job);
  return {
    ...schema,
    title: 'exportd config',
    patternProperties: { '^x-': { description: 'A place for anchors; ignored' } },
  };
}

/** The spelling that sections.ts takes as well. */
function allowDataType(job: Json | boolean | undefined): void {
  if (typeof job !== 'object' || typeof job.properties?.data_type !== 'object') return;
  job.properties.dataType = { ...job.properties.data_type, description: 'Write data_type', deprecated: true };
}

const OR_REFERENCE = '|\\$\\{';

function allowReference(schema: Json): void {
  const { type, pattern, enum: words } = schema;
  if (type === 'string' && typeof pattern === 'string' && pattern !== NAME.source) {
    // zod comes by once for every wrapper that a schema has.
    if (!pattern.endsWith(OR_REFERENCE)) schema.pattern = pattern + OR_REFERENCE;
    delete schema.format;
  } else if (type === 'string' && schema.format === 'uri') {
    delete schema.format;
  } else if (
    (type === 'integer' || type === 'number' || type === 'boolean' || words !== undefined) &&
    schema.anyOf === undefined
  ) {
    const own: Json = {};
    for (const key of ['type', 'enum', 'minimum', 'maximum'] as const) {
      if (schema[key] !== undefined) Object.assign(own, { [key]: schema[key] });
      delete schema[key];
    }
    schema.anyOf = [own, REFERENCE];
  }
}

/** Every word with fixed letters, for completion, and the pattern of those with a number in them. */
function windowWords(): Json {
  const grains = ['week', 'month', 'quarter', 'year'];
  const fixed = [
    'yesterday',
    ...grains.map((grain) => `previous ${grain}`),
    ...grains.map((grain) => `${grain} to date`),
  ];
  const examples = WINDOW_WORDS.map((word) => word.example).filter((word) => !fixed.includes(word));
  return {
    anyOf: [
      { enum: [...fixed, ...examples] },
      { pattern: '^(last|rolling) [1-9][0-9]* (hour|day|week|month|quarter|year)s?$' },
      REFERENCE,
    ],
  };
}
