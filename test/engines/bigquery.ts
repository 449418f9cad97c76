/** The BigQuery emulator on loopback, without docker or an account; installed when it is first asked for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { holdAlone } from './hold-alone.ts';

const HERE = fileURLToPath(new URL('./bigquery/', import.meta.url));
const DESTINATION = join(HERE, '.venv');
/** How long a start may take on a machine that is busy, in milliseconds. */
const PATIENCE = 60_000;

export interface BigQueryEmulator extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  /** Ends it where it runs, and starts it again on the same port and data. Its data survive any signal. */
  restart(): Promise<void>;
}

/** Installs the emulator where it is not; returns the interpreter of its environment, which has sqlglot too. */
export async function installBigQuery(): Promise<string> {
  let python = '';
  await holdAlone('bigquery-emulator', async () => {
    const child = spawn('bash', [join(HERE, 'install.sh'), DESTINATION], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code !== 0) throw new Error(`the BigQuery emulator could not be installed: exit code ${code}`);
    python = said.trim();
  });
  return python;
}

/** Ready when this returns, ended when disposed of, and in any case with the process that started it. */
export async function startBigQuery(): Promise<BigQueryEmulator> {
  const python = await installBigQuery();
  const folder = await mkdtemp(join(tmpdir(), 'exportd-bigquery-'));
  const [port, grpcPort] = await freePorts();
  const url = `http://127.0.0.1:${port}`;

  async function start() {
    const child = spawn(python, [join(HERE, 'serve.py'), `${port}`, `${grpcPort}`, folder], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { ...process.env, HOME: join(dirname(dirname(dirname(python))), 'home'), PYTHONWARNINGS: 'ignore' },
    });
    let last = '';
    child.stderr.on('data', (bytes) => {
      last = `${last}${bytes}`.slice(-2_000);
    });
    const ended = once(child, 'exit');
    for (const began = performance.now(); !(await answers(url)); await pause(50)) {
      if (child.exitCode !== null) throw new Error(`the BigQuery emulator ended with ${child.exitCode}: ${last}`);
      if (performance.now() - began > PATIENCE) throw new Error(`the BigQuery emulator does not answer: ${last}`);
    }
    return { child, ended };
  }

  let running = await start();
  const end = async () => {
    running.child.kill('SIGKILL');
    await running.ended;
  };
  return {
    url,
    get pid() {
      return running.child.pid ?? 0;
    },
    async restart() {
      await end();
      running = await start();
    },
    async [Symbol.asyncDispose]() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const { ok, body } = await fetch(`${url}/bigquery/v2/projects/test/datasets`, {
      signal: AbortSignal.timeout(5_000),
    });
    await body?.cancel();
    return ok;
  } catch {
    return false;
  }
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return [ports[0] ?? 0, ports[1] ?? 0];
}
