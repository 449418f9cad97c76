import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How an endpoint answers. `silent`: it takes the request and says nothing. */
export type Manner = { readonly status: number; readonly headers?: Record<string, string> } | 'silent';

/** A real HTTP endpoint on loopback. */
export interface TestEndpoint extends AsyncDisposable {
  readonly url: string;
  readonly heard: readonly Heard[];
  /** The manners of the next answers; the last one stays. */
  answer(...manners: Manner[]): void;
  /** Resolves once so many were heard. */
  seen(count: number): Promise<void>;
}

export async function openTestEndpoint(): Promise<TestEndpoint> {
  const heard: Heard[] = [];
  let manners: Manner[] = [{ status: 200 }];
  let told = () => {};
  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const manner = manners.length > 1 ? manners.shift() : manners[0];
      const { method = '', url = '', headers } = request;
      heard.push({ method, path: url, headers, body });
      if (manner !== undefined && manner !== 'silent') {
        response.writeHead(manner.status, manner.headers).end('what the endpoint says');
      }
      told();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    answer(...next) {
      manners = next;
    },
    async seen(count) {
      while (heard.length < count) {
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
