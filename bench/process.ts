import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

/** One run of a command, by the operating system's own accounting. */
export interface Figures {
  /** Seconds. */
  readonly wall: number;
  /** Seconds, user and system. */
  readonly cpu: number;
  /** Peak resident memory, MB. */
  readonly memory: number;
}

const here = import.meta.dirname;
export const CACHE = join(here, '.cache');
export const PYTHON = join(CACHE, 'venv/bin/python');

/** A virtual environment with the peers, pinned. Takes a minute the first time. */
export function installPeers(): void {
  execFileSync('python3', ['-m', 'venv', join(CACHE, 'venv')], { stdio: 'inherit' });
  const requirements = ['-r', join(here, 'requirements.txt')];
  execFileSync(PYTHON, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...requirements], {
    stdio: 'inherit',
  });
}

/** Runs a command to its end and measures it as a whole process. Throws where it fails. */
export function measure(command: readonly string[], env: Readonly<Record<string, string>> = {}): Figures {
  const text = execFileSync('python3', [join(here, 'measure.py'), ...command], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  });
  const figures = JSON.parse(text) as Figures & { exit: number };
  if (figures.exit !== 0) throw new Error(`${command.join(' ')} ended with ${figures.exit}`);
  return figures;
}

export interface MockServer extends AsyncDisposable {
  readonly url: string;
}

export function startMockServer(): Promise<MockServer> {
  const child = spawn(process.execPath, [join(here, 'mock-server.ts'), join(CACHE, 'bodies')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the mock server ended with ${code}`)));
    child.stdout.once('data', (line: Buffer) => {
      resolve({
        url: line.toString().trim(),
        async [Symbol.asyncDispose]() {
          child.kill();
        },
      });
    });
  });
}

export function remove(...paths: readonly string[]): void {
  for (const path of paths) for (const end of ['', '.wal']) rmSync(path + end, { recursive: true, force: true });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
