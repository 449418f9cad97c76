import { createHash } from 'node:crypto';
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/load.ts';

/**
 * Reads a config again where its files or its secret files have changed. Whether they have is seen by their real paths,
 * sizes and times, so that the links of a Kubernetes ConfigMap count; whether that is news, by what they hold.
 */
export class ConfigWatch {
  readonly #path: string;
  readonly #load: () => Config;
  readonly #check: (config: Config) => void;
  #signs = '';
  #held = '';
  #secretFiles: readonly string[] = [];

  /** @param check throws ConfigError where the config as it stands cannot be used: a secret file is missing, say */
  constructor(path: string, load: () => Config, check: (config: Config) => void) {
    this.#path = path;
    this.#load = load;
    this.#check = check;
  }

  /** Throws ConfigError. */
  first(): Config {
    return this.#read();
  }

  /** undefined: nothing has changed. `force`: also where nothing has. Throws ConfigError, once for each change. */
  again(force: boolean): Config | undefined {
    if (!force && this.#signs === this.#signsNow()) return undefined;
    const before = this.#held;
    const config = this.#read();
    return force || this.#held !== before ? config : undefined;
  }

  #read(): Config {
    // Taken before: what changes while it is read is seen at the next look.
    this.#signs = this.#signsNow();
    // Whatever comes after a broken one is news, also the good one of before.
    this.#held = '';
    const config = this.#load();
    const secrets = config.secretFiles();
    const isKnown = secrets.size === this.#secretFiles.length && this.#secretFiles.every((path) => secrets.has(path));
    this.#secretFiles = [...secrets.keys()];
    if (!isKnown) this.#signs = this.#signsNow();
    this.#check(config);
    this.#held = JSON.stringify([config.version, [...secrets]]);
    return config;
  }

  #signsNow(): string {
    const hash = createHash('sha256');
    for (const path of [...filesBelow(this.#path), ...this.#secretFiles]) hash.update(`${signOf(path)}\n`);
    return hash.digest('hex');
  }
}

function* filesBelow(path: string): Generator<string> {
  yield path;
  let entries: string[];
  try {
    if (!statSync(path).isDirectory()) return;
    entries = readdirSync(path).sort();
  } catch {
    // Its sign says that it is not there.
    return;
  }
  for (const name of entries) if (!name.startsWith('.')) yield* filesBelow(join(path, name));
}

function signOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${path} ${realpathSync(path)} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return `${path} is not there`;
  }
}
