#!/usr/bin/env node
import { constants } from 'node:os';
import { runCommandLine } from './cli/program.ts';

const stop = new AbortController();
let interrupted: number | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted !== undefined) process.exit(interrupted);
    interrupted = 128 + constants.signals[signal];
    stop.abort();
  });
}

const { env, stdout, stderr } = process;
const exit = await runCommandLine(process.argv.slice(2), { env, stdout, stderr, stop: stop.signal });
process.exit(exit === 'interrupted' ? (interrupted ?? 1) : exit);
