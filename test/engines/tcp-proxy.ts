/** Stands between a client and a real server on loopback, counts what reaches it, and holds or cuts what comes back. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that were ever made. */
  readonly connections: number;
  /** From now on nothing of the server's goes through. */
  hang(): void;
  /** It goes through again. */
  answer(): void;
  /** Cuts the connection on which so many bytes of the server's have gone through, once. */
  cutAfter(bytes: number): void;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const answers = new Set<Socket>();
  let connections = 0;
  let hangs = false;
  let cut: number | undefined;
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(target, '127.0.0.1');
    let sent = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        answers.delete(upstream);
        client.destroy();
        upstream.destroy();
      });
    }
    answers.add(upstream);
    if (hangs) upstream.pause();
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      sent += bytes.length;
      if (cut !== undefined && sent > cut) {
        client.write(bytes.subarray(0, bytes.length - (sent - cut)), () => client.destroy());
        cut = undefined;
      } else client.write(bytes);
    });
    if (hangs) upstream.pause();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The machine gave no port.');
  return {
    port: address.port,
    get connections() {
      return connections;
    },
    hang() {
      hangs = true;
      for (const upstream of answers) upstream.pause();
    },
    answer() {
      hangs = false;
      for (const upstream of answers) upstream.resume();
    },
    cutAfter(bytes) {
      cut = bytes;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
