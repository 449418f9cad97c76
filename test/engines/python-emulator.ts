/** Emulators that are Python programs in a virtual environment of their own, installed when they are first asked for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { holdAlone } from './hold-alone.ts';

/** How long a start may take on a machine that is busy, in milliseconds. */
const PATIENCE = 60_000;

/** Runs the folder's install.sh; returns the interpreter of its environment. */
export async function installEmulator(name: string, folder: string): Promise<string> {
  let python = '';
  await holdAlone(`${name}-emulator`, async () => {
    const child = spawn('bash', [join(folder, 'install.sh'), join(folder, '.venv')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code !== 0) throw new Error(`the emulator of ${name} could not be installed: exit code ${code}`);
    python = said.trim();
  });
  return python;
}

export interface EmulatorProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
}

/** Ready when this returns: when `url` answers. It ends with its stdin, so that it never outlives who started it. */
export async function startProcess(
  python: string,
  words: readonly string[],
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<EmulatorProcess> {
  const child = spawn(python, words, {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, PYTHONWARNINGS: 'ignore', ...env },
  });
  let last = '';
  child.stderr.on('data', (bytes) => {
    last = `${last}${bytes}`.slice(-2_000);
  });
  const ended = once(child, 'exit');
  for (const began = performance.now(); !(await answers(url)); await pause(50)) {
    if (child.exitCode !== null) throw new Error(`the emulator ended with ${child.exitCode}: ${last}`);
    if (performance.now() - began > PATIENCE) throw new Error(`the emulator does not answer: ${last}`);
  }
  return { child, ended };
}

export async function kill({ child, ended }: EmulatorProcess): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

async function answers(url: string): Promise<boolean> {
  try {
    const { ok, body } = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await body?.cancel();
    return ok;
  } catch {
    return false;
  }
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
