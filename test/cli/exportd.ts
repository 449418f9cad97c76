/** exportd as people use it: words and an environment in, two streams and an exit code out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Exit } from '../../src/cli/command.ts';
import { runCommandLine } from '../../src/cli/command-line.ts';
import type { Stream } from '../../src/cli/output.ts';

/** The bundle that was built before the first test. */
export const MAIN = fileURLToPath(new URL('../../.built/main.js', import.meta.url));
/** Where Node keeps what it compiled: processes that are started by the dozen start in half the time. */
export const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

/** One command line, carried out in this process: all of exportd but main.ts and the operating system. */
export async function exportd(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ exit: Exit; stdout: string; stderr: string }> {
  const [stdout, stderr] = [screen(), screen()];
  const stop = new AbortController().signal;
  const crash = new Promise<never>(() => undefined);
  const exit = await runCommandLine(words, { stop, crash, env, stdout: stdout.stream, stderr: stderr.stream });
  return { exit, stdout: stdout.sent(), stderr: stderr.sent() };
}

/** A stream that keeps what it was sent; a terminal where it has columns. */
export function screen(columns?: number): { stream: Stream; sent: () => string } {
  let sent = '';
  const stream = new Writable({
    decodeStrings: false,
    write(piece, _encoding, done) {
      sent += piece;
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY: columns !== undefined, columns }), sent: () => sent };
}

export interface Started {
  readonly process: ChildProcess;
  /** `exit` is undefined where a signal ended it. */
  readonly ended: Promise<{ readonly exit: number | undefined; readonly stdout: string; readonly stderr: string }>;
  /** Resolves once stderr has said this so many times; rejects where the process ends without. */
  said(words: string, times?: number): Promise<void>;
}

/** One command line as a process of its own, for whatever has to do with signals and pipes. */
export function start(words: readonly string[], env: Readonly<Record<string, string>> = {}, cwd?: string): Started {
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILED, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece;
  });
  const closed = once(child, 'close');
  const stdout = text(child.stdout);
  return {
    process: child,
    ended: closed.then(async () => ({ exit: child.exitCode ?? undefined, stdout: await stdout, stderr })),
    said: (words, times = 1) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (stderr.split(words).length > times) resolve();
        };
        look();
        child.stderr.on('data', look);
        void closed.then(() => reject(new Error(`exportd ended without saying ${JSON.stringify(words)}:\n${stderr}`)));
      }),
  };
}

export interface Folder extends Disposable {
  at(name: string): string;
  write(name: string, content: string): void;
}

/** A folder of a test's own, gone with it. */
export function folder(files: Readonly<Record<string, string>> = {}): Folder {
  const path = mkdtempSync(join(tmpdir(), 'exportd-cli-'));
  const at = (name: string) => join(path, name);
  const write = (name: string, content: string) => writeFileSync(at(name), content);
  for (const [name, content] of Object.entries(files)) write(name, content);
  return { at, write, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** What takes the place of the frame's own; `source`, `job` and `more` are YAML. */
export interface FrameChanges {
  readonly url?: string;
  readonly source?: string;
  readonly timezone?: string;
  readonly job?: string;
  readonly more?: string;
}

/** The frame of the field cases: one job `j`, one table `t`, DuckDB in the folder, spool beside it. */
export function frame(changes: FrameChanges = {}): string {
  const { url = 'http://127.0.0.1:9', source = 'history: null', timezone = 'Europe/Berlin' } = changes;
  const { job = 'window: { grain: day }', more = '' } = changes;
  return `version: 1
sources:
  acme: { type: export_api, base_url: "${url}", api_key: "\${KEY:-the-api-key-of-acme}", rate_limit: null, ${source} }
destinations:
  local: { type: duckdb, path: ./out.duckdb }
daemon: { spool_dir: ./spool, lock_timeout: 1s }
jobs:
  j: { source: acme, data_type: users, destination: local, table: t, timezone: ${timezone}, retries: { max_attempts: 2, min_delay: 0.01s, max_delay: 0.02s }, ${job} }
${more}`;
}
