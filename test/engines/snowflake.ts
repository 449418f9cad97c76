/** The Snowflake emulator on loopback, without docker or an account; installed when it is first asked for. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts, installEmulator, kill, startProcess } from './python-emulator.ts';

const HERE = fileURLToPath(new URL('./snowflake/', import.meta.url));

export interface SnowflakeEmulator extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
}

/** Who may log in. */
export type Users = Readonly<Record<string, { readonly password?: string; readonly publicKey?: string }>>;

/** Installs the emulator where it is not; returns the interpreter of its environment, which has sqlglot too. */
export async function installSnowflake(): Promise<string> {
  return await installEmulator('snowflake', HERE);
}

/** Ready when this returns, ended when disposed of, and in any case with the process that started it. */
export async function startSnowflake(users?: Users): Promise<SnowflakeEmulator> {
  const python = await installSnowflake();
  const folder = await mkdtemp(join(tmpdir(), 'exportd-snowflake-'));
  const [port] = await freePorts(1);
  const words = [join(HERE, 'serve.py'), `${port}`];
  if (users !== undefined) {
    const file = join(folder, 'users.json');
    await writeFile(file, JSON.stringify(users));
    words.push(file);
  }
  const url = `http://127.0.0.1:${port}`;
  // Its stages lie in its temporary folder, and go with it.
  const running = await startProcess(python, words, `${url}/`, { TMPDIR: folder });
  return {
    url,
    async [Symbol.asyncDispose]() {
      await kill(running);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
