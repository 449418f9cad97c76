import { resolve } from 'node:path';
import type { DaemonInput } from './schema.ts';
import type { DaemonConfig } from './settings.ts';

/** `folder`: what a relative `spool_dir` is relative to. */
export function daemonOf(input: DaemonInput, folder: string): DaemonConfig {
  return {
    listen: input.listen === null ? undefined : addressOf(input.listen),
    concurrency: input.concurrency,
    spoolDir: input.spool_dir === null ? undefined : resolve(folder, input.spool_dir),
    spoolLimit: input.spool_limit,
    memoryLimit: input.memory_limit,
    shutdownGrace: input.shutdown_grace,
    token: input.token ?? undefined,
    allowPublic: input.allow_public,
    heartbeatUrl: input.heartbeat_url ?? undefined,
    lockTimeout: input.lock_timeout,
  };
}

/** `host:port`; an IPv6 host keeps its brackets. */
export function addressOf(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
