/** The BigQuery emulator on loopback, without docker or an account; installed when it is first asked for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts, installEmulator, kill, startProcess } from './python-emulator.ts';

const HERE = fileURLToPath(new URL('./bigquery/', import.meta.url));

export interface BigQueryEmulator extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  /** Ends it where it runs, and starts it again on the same port and data. Its data survive any signal. */
  restart(): Promise<void>;
}

/** Installs the emulator where it is not; returns the interpreter of its environment, which has sqlglot too. */
export async function installBigQuery(): Promise<string> {
  return await installEmulator('bigquery', HERE);
}

/** Ready when this returns, ended when disposed of, and in any case with the process that started it. */
export async function startBigQuery(): Promise<BigQueryEmulator> {
  const python = await installBigQuery();
  const folder = await mkdtemp(join(tmpdir(), 'exportd-bigquery-'));
  const [port, grpcPort] = await freePorts(2);
  const url = `http://127.0.0.1:${port}`;
  const words = [join(HERE, 'serve.py'), `${port}`, `${grpcPort}`, folder];
  const home = join(dirname(dirname(dirname(python))), 'home');
  const start = () => startProcess(python, words, `${url}/bigquery/v2/projects/test/datasets`, { HOME: home });

  let running = await start();
  return {
    url,
    get pid() {
      return running.child.pid ?? 0;
    },
    async restart() {
      await kill(running);
      running = await start();
    },
    async [Symbol.asyncDispose]() {
      await kill(running);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
