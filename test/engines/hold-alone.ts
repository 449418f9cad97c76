import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

/**
 * Does `work` while no other process on this machine does any for the same name. The lock is a socket in Linux's
 * abstract namespace: the kernel lets it go with the process that holds it, however that ends, and those who wait see
 * it close.
 */
export async function holdAlone(name: string, work: () => Promise<void>): Promise<void> {
  const digest = createHash('sha256').update(`${process.getuid?.()} ${name}`).digest('hex');
  const address = `\0exportd-${digest}`;
  let lock = await tryToListen(address);
  while (lock === undefined) {
    await letGo(address);
    lock = await tryToListen(address);
  }
  const waiting = new Set<{ destroy(): unknown }>();
  lock.on('connection', (socket) => waiting.add(socket.resume().on('error', () => socket.destroy())));
  try {
    await work();
  } finally {
    const closed = once(lock, 'close');
    lock.close();
    for (const socket of waiting) socket.destroy();
    await closed;
  }
}

/** undefined where somebody holds it. */
async function tryToListen(address: string): Promise<Server | undefined> {
  const server = createServer();
  try {
    await once(server.listen(address), 'listening');
    return server;
  } catch (error) {
    if (isCode(error, 'EADDRINUSE')) return undefined;
    throw error;
  }
}

/** Resolves once whoever holds it has let it go, or has ended. */
async function letGo(address: string): Promise<void> {
  const socket = connect(address).resume();
  try {
    await once(socket, 'close');
  } catch (error) {
    if (!isCode(error, 'ECONNREFUSED') && !isCode(error, 'ECONNRESET')) throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
