import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigFile, configFile } from './config-file.ts';
import { type Problem, problem } from './problems.ts';

/**
 * The YAML files behind `--config`: the file itself, or every `*.yaml` and `*.yml` below the folder, by name. Links are
 * followed; a file that several paths reach is read once; names that begin with a dot are skipped, so that the hidden
 * folders of a mounted ConfigMap count once, by their links.
 */
export function readConfigFiles(path: string): { readonly files: ConfigFile[]; readonly problems: Problem[] } {
  const files: ConfigFile[] = [];
  const problems: Problem[] = [];
  const seen = new Set<string>();

  const read = (at: string) => {
    const real = realpathSync(at);
    if (seen.has(real)) return;
    seen.add(real);
    try {
      files.push(configFile(real, at, new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(real))));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      problems.push(problem(undefined, `${at}: is not UTF-8 text; save it as UTF-8`));
    }
  };

  const walk = (at: string) => {
    const real = realpathSync(at);
    if (seen.has(real)) return;
    seen.add(real);
    for (const name of readdirSync(at).sort()) {
      if (name.startsWith('.')) continue;
      visit(join(at, name), (stat) => (stat.isDirectory() ? walk : stat.isFile() && isYaml(name) ? read : undefined));
    }
  };

  const visit = (
    at: string,
    choose: (stat: ReturnType<typeof statSync> & object) => ((at: string) => void) | undefined,
  ) => {
    try {
      choose(statSync(at))?.(at);
    } catch (error) {
      problems.push(problem(undefined, `${at}: cannot be read: ${because(error)}`));
    }
  };

  visit(path, (stat) => (stat.isDirectory() ? walk : read));
  if (files.length === 0 && problems.length === 0) {
    problems.push(problem(undefined, `${path}: holds no .yaml or .yml file; \`exportd init\` writes a first one`));
  }
  return { files, problems };
}

function isYaml(name: string): boolean {
  return name.endsWith('.yaml') || name.endsWith('.yml');
}

/** The reason of a failed file operation in words, without a path. */
export function because(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === 'ENOENT') return 'there is no such file or folder';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'ELOOP') return 'its links lead in a circle';
  return code ?? (error instanceof Error ? error.message : String(error));
}
