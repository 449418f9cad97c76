import type { LookupFunction } from 'node:net';
import { type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { Scope } from '../core/errors.ts';
import { networkFailure } from './network-failure.ts';

/** Milliseconds to a connection, TLS included. */
const CONNECT_TIMEOUT = 10_000;
/** Milliseconds without a byte of the body. */
const IDLE_TIMEOUT = 60_000;

export interface TransportOptions {
  /** Milliseconds from the request to the answer's headers. */
  readonly timeout: number;
  /** How much stops where the other side's certificate is refused. */
  readonly stops: Scope;
  /** Resolves names in place of the system's own look-up; may refuse. */
  readonly lookup?: LookupFunction | undefined;
  /** Milliseconds without a byte of the body. Default: 60 s. */
  readonly idleTimeout?: number | undefined;
}

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Called as the request goes onto the wire, with a connection at hand; where it says no, `send` throws HeldBack. */
  readonly mayLeave?: (() => boolean) | undefined;
}

/** The request was not let go onto the wire; the other side has seen nothing of it. */
export class HeldBack extends Error {}

export type Response = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

/**
 * HTTP/1.1 with kept connections, through HTTP_PROXY, HTTPS_PROXY and NO_PROXY, trusting what NODE_EXTRA_CA_CERTS adds.
 * Follows no redirect, sends nothing twice. Disposing breaks off what is under way and closes every socket.
 */
export interface Transport extends AsyncDisposable {
  /**
   * Sends one request; returned as soon as the answer's headers are in. The body must be read or destroyed.
   * Throws SOURCE_UNREACHABLE, SOURCE_TIMEOUT (retryable), TLS_REFUSED or HeldBack; the signal's reason where it is aborted.
   */
  send(request: Request, signal: AbortSignal): Promise<Response>;
}

export function openTransport(options: TransportOptions): Transport {
  const dispatcher = new EnvHttpProxyAgent({
    allowH2: false,
    headersTimeout: options.timeout,
    bodyTimeout: options.idleTimeout ?? IDLE_TIMEOUT,
    connectTimeout: CONNECT_TIMEOUT,
    connect: {
      timeout: CONNECT_TIMEOUT,
      autoSelectFamily: true,
      ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    },
  });
  return {
    async send({ method, url, headers, body, mayLeave }, signal) {
      try {
        return await dispatcher.compose(departure(mayLeave)).request({
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          headers,
          body: body ?? null,
          signal,
        });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof HeldBack) throw error;
        throw networkFailure(error, url, options);
      }
    },
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy();
    },
  };
}

/** Asks at the last moment whether the request may leave, and takes it back where it may not. */
function departure(mayLeave: (() => boolean) | undefined): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart(controller, context) {
        handler.onRequestStart?.(controller, context);
        if (mayLeave === undefined || mayLeave()) return;
        controller.abort(new HeldBack());
      },
      onRequestUpgrade: (...told) => handler.onRequestUpgrade?.(...told),
      onResponseStart: (...told) => handler.onResponseStart?.(...told),
      onResponseData: (...told) => handler.onResponseData?.(...told),
      onResponseEnd: (...told) => handler.onResponseEnd?.(...told),
      onResponseError: (...told) => handler.onResponseError?.(...told),
    });
}
