import { configJsonSchema } from '../config/json-schema.ts';
import type { CommandContext, Exit } from './command.ts';

/** `exportd schema`: the JSON Schema of the config, for editors and CI. JSON whatever `--output` says. */
export async function schema({ output }: CommandContext): Promise<Exit> {
  await output.print([configJsonSchemaText().trimEnd()]);
  return 0;
}

/** The schema as `init` writes it and `config/exportd.schema.json` holds it. */
export function configJsonSchemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
