import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExportdError } from '../core/errors.ts';
import type { CommandContext, Exit } from './command.ts';
import { configJsonSchemaText } from './schema.ts';
import { STARTER_CONFIG } from './starter-config.ts';

export type InitOptions = Readonly<Record<never, never>>;

const CONFIG_FILE = 'exportd.yaml';
const SCHEMA_FILE = 'exportd.schema.json';

/**
 * `exportd init [DIR]`: a commented starter config and its JSON Schema; DIR is `./config` where it is not given. Throws
 * NOT_POSSIBLE, with nothing written, where one of them is there already.
 */
export async function init(folder: string | undefined, _options: InitOptions, context: CommandContext): Promise<Exit> {
  const { output } = context;
  const directory = folder ?? 'config';
  const files = [join(directory, CONFIG_FILE), join(directory, SCHEMA_FILE)] as const;
  const there = files.find((file) => existsSync(file));
  if (there !== undefined) {
    throw new ExportdError('NOT_POSSIBLE', `${there} is there already; nothing was written`, {
      scope: 'config',
      hint: 'name another folder: exportd init DIR',
    });
  }
  const [config, schema] = files;
  write(directory, config, STARTER_CONFIG);
  write(directory, schema, configJsonSchemaText());
  if (output.format === 'json') await output.document({ written: [...files] });
  else await output.print(nextSteps(directory, config, schema));
  return 0;
}

/** `wx` refuses a file that appeared since we looked. */
function write(directory: string, file: string, text: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new ExportdError('NOT_POSSIBLE', `${file} cannot be written: ${reason}`, {
      scope: 'config',
      hint: 'name a folder that you may write to: exportd init DIR',
    });
  }
}

function nextSteps(directory: string, config: string, schema: string): string[] {
  const flag = directory === 'config' || directory === './config' ? '' : ` --config ${directory}`;
  return [
    `wrote ${config}   one source, one destination, one job, with comments`,
    `wrote ${schema}   what an editor needs to complete and check it`,
    '',
    'What next:',
    '  export ODEUS_API_KEY=…     a key with the scope USAGE_EXPORT_API',
    `  $EDITOR ${config}`,
    `  exportd validate${flag}`,
    `  exportd plan${flag}        what would be loaded, and why; writes nothing`,
    `  exportd run${flag}         load it`,
  ];
}
