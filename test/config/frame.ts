import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Config, loadConfig } from '../../src/config/load.ts';
import { ConfigError, type ProblemDocument, problemDocument } from '../../src/config/problems.ts';
import type { ExportApiConfig } from '../../src/config/settings.ts';

export type Files = Readonly<Record<string, string>>;
type Env = Readonly<Record<string, string>>;

/** What must be in a config beside jobs. */
export const AROUND = `version: 1
sources:
  acme: { type: export_api, base_url: "http://127.0.0.1:8787", api_key: k, history: null }
destinations:
  local: { type: duckdb, path: ./out.duckdb }
`;

/** A config of one job `j`, as in the README of the cases; the keys given replace the job's. Line 7 is the job's name. */
export function frame(keys: Readonly<Record<string, string>> = {}): string {
  const job = {
    source: 'acme',
    data_type: 'users',
    destination: 'local',
    table: 't',
    window: '{ grain: day }',
    ...keys,
  };
  const lines = Object.entries(job).map(([key, value]) => `    ${key}: ${value}\n`);
  return `${AROUND}jobs:\n  j:\n${lines.join('')}`;
}

/** The source `acme` of a config that has it as `frame` does. */
export function acmeOf(config: Config): ExportApiConfig {
  const source = config.sources.get('acme');
  if (source?.type !== 'export_api') throw new Error('The config has no export_api source acme.');
  return source;
}

/** A folder of files that goes with its scope. */
export function folder(files: Files): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'exportd-config-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function load(files: Files | string, env: Env = {}, needAll = false): Config {
  using there = folder(typeof files === 'string' ? { 'e.yaml': files } : files);
  return loadConfig(there.path, { env, needAll });
}

/** The only job of a config. */
export function jobOf(text: string, env: Env = {}) {
  const [job] = load(text, env).jobs;
  if (job === undefined) throw new Error('the config has no job');
  return job;
}

export interface Refusal {
  /** `e.yaml:13:5: message`, file names without their folder. */
  readonly lines: readonly string[];
  readonly problems: readonly ProblemDocument[];
  /** All that a person is shown. */
  readonly text: string;
}

/** What a config is refused with. Throws where it is not. */
export function refusal(files: Files | string, env: Env = {}, needAll = false): Refusal {
  using there = folder(typeof files === 'string' ? { 'e.yaml': files } : files);
  try {
    loadConfig(there.path, { env, needAll });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const text = error.message.replaceAll(`${there.path}/`, '');
    const problems = error.problems.map(problemDocument);
    const lines = problems.map(({ file, line, column, message }) => {
      return file === null ? message : `${file.slice(there.path.length + 1)}:${line}:${column}: ${message}`;
    });
    return { lines: lines.map((line) => line.replaceAll(`${there.path}/`, '')), problems, text };
  }
  throw new Error('the config was taken');
}
