/** The real ClickHouse on loopback, from npm and without docker; installed when it is first asked for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClickHouseUnavailable, installClickHouse } from './clickhouse/install.ts';
import { type ServerSettings, writeServerFiles } from './clickhouse/server-files.ts';

export interface ClickHouseOptions extends Partial<ServerSettings> {
  /** Where its data are and stay. Without it a temporary folder, gone with the server. */
  readonly folder?: string;
  /** Without it one that is free. */
  readonly port?: number;
  /** The server's own; UTC by default. */
  readonly timezone?: string;
}

export interface ClickHouseServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, of the user `default`, who has no password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
  /** Ends the process; it has ended when this returns. Its data survive any signal. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it where it runs, and starts it again: the same port, data and users. */
  restart(): Promise<void>;
  /** Runs one statement as `default` and returns what it prints. Throws with the server's own text. */
  query(sql: string, parameters?: Readonly<Record<string, string | number>>, database?: string): Promise<string>;
}

/** Starts a server: ready when this returns, ended when disposed of, and in any case with the process that started it. */
export async function startClickHouse(options: ClickHouseOptions = {}): Promise<ClickHouseServer> {
  await installClickHouse();
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'exportd-clickhouse-')));
  const { users = {}, profiles = {}, timezone = 'UTC' } = options;
  const isTemporary = options.folder === undefined;
  const start = (port: number) => startProcess({ folder, isTemporary, port, timezone, settings: { users, profiles } });
  const tidyUp = async () => {
    if (isTemporary) await rm(folder, { recursive: true, force: true });
  };
  let running: RunningProcess;
  try {
    running = options.port === undefined ? await onFreePort(start) : await start(options.port);
  } catch (error) {
    await tidyUp();
    throw error;
  }
  const { port } = running;
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    port,
    folder,
    get pid() {
      return running.pid;
    },
    kill: (signal) => running.kill(signal),
    async restart() {
      await running.kill();
      running = await start(port);
    },
    async query(sql, parameters = {}, database = 'default') {
      const search = new URLSearchParams({ database });
      for (const [name, value] of Object.entries(parameters)) search.set(`param_${name}`, `${value}`);
      const response = await fetch(`${url}/?${search}`, { method: 'POST', body: sql });
      const answer = await response.text();
      if (!response.ok) throw new Error(`ClickHouse answered ${response.status}: ${answer.trim()}`);
      return answer.trimEnd();
    },
    async [Symbol.asyncDispose]() {
      await running.kill();
      await tidyUp();
    },
  };
}

interface ProcessOptions {
  readonly folder: string;
  readonly isTemporary: boolean;
  readonly port: number;
  readonly timezone: string;
  readonly settings: ServerSettings;
}

interface RunningProcess {
  readonly port: number;
  readonly pid: number;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('./clickhouse-process.ts', import.meta.url));
/** How long a start may take on a machine that is busy, in milliseconds. */
const PATIENCE = 60_000;

async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { folder, isTemporary, port, timezone, settings } = options;
  await mkdir(join(folder, 'data'), { recursive: true });
  const name = randomUUID();
  const config = await writeServerFiles(folder, name, settings);
  const words = [SCRIPT, join(folder, 'data'), String(port), config, ...(isTemporary ? [folder] : [])];
  const child = spawn(process.execPath, words, {
    // In a group of its own: a Ctrl-C is for who started it, who may still want to read.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, TZ: timezone },
  });
  const ended = once(child, 'exit');
  child.stdin.on('error', () => undefined);
  const said = lastWords(child);
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    child.kill(signal);
    await ended;
  };
  const deadline = Date.now() + PATIENCE;
  while (!(await answersAs(port, name))) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new ClickHouseUnavailable(
        `ClickHouse ended before it was ready on port ${port}: ${said().trim() || 'it did not say why.'}`,
      );
    }
    if (Date.now() > deadline) {
      await kill();
      throw new ClickHouseUnavailable(
        `ClickHouse did not answer on port ${port} within ${PATIENCE / 1000} s: ${said().trim()}`,
      );
    }
    await pause(20);
  }
  return { port, pid: child.pid ?? 0, kill };
}

/** Another server may have taken the port: the name tells them apart. */
async function answersAs(port: number, name: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/?query=SELECT+1`, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.headers.get('x-clickhouse-server-display-name') === name;
  } catch {
    return false;
  }
}

function lastWords(child: ChildProcess): () => string {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  return () => said;
}

async function onFreePort(start: (port: number) => Promise<RunningProcess>): Promise<RunningProcess> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const isTaken = error instanceof Error && /address already in use/i.test(error.message);
      if (!isTaken || attempt === 5) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The machine gave no port.');
  return address.port;
}
