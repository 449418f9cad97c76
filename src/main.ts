#!/usr/bin/env node
import { constants } from 'node:os';
import { runCommandLine } from './cli/command-line.ts';

const stop = new AbortController();
let interrupted: number | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted !== undefined) process.exit(interrupted);
    interrupted = 128 + constants.signals[signal];
    stop.abort();
  });
}

const { promise: crash, reject } = Promise.withResolvers<never>();
process.on('uncaughtException', reject);

const { env, stdout, stderr } = process;
const exit = await runCommandLine(process.argv.slice(2), { stop: stop.signal, crash, env, stdout, stderr });
process.exit(exit === 'interrupted' ? (interrupted ?? 1) : exit);
