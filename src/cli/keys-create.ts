import { hashOf, newKey, SCOPE } from '../usage-api/keys.ts';
import { type CommandContext, type Exit, usageError } from './command.ts';

export interface KeysCreateOptions {
  readonly workspace: string;
}

/** `exportd keys create NAME --workspace W`: a new key, shown this once; the config keeps its hash. Writes nothing. */
export async function keysCreate(
  name: string,
  { workspace }: KeysCreateOptions,
  context: CommandContext,
): Promise<Exit> {
  const { output } = context;
  if (name === '' || workspace === '') throw usageError('a key has a name and a workspace');
  const key = newKey();
  const hash = hashOf(key);
  const scopes = [SCOPE];
  if (output.format === 'json') {
    await output.document({ name, workspace, key, hash, scopes });
    return 0;
  }
  await output.print([
    'The key, shown this once:',
    '',
    `  ${key}`,
    '',
    'For usage_api.keys in the YAML, which keeps only its hash:',
    '',
    `  - { name: ${JSON.stringify(name)}, workspace: ${JSON.stringify(workspace)}, hash: "${hash}", scopes: [${SCOPE}] }`,
  ]);
  return 0;
}
