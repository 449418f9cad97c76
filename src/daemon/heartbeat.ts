import type { Secret } from '../core/secret.ts';
import { openEndpoint } from './endpoint.ts';
import type { Log } from './notify.ts';

/** Tells a dead man's switch that the daemon looks: one GET after each look, which nothing waits for. */
export interface Heartbeat extends AsyncDisposable {
  /** Left out where the one before is still under way. Resolves once it was heard or not; never throws. */
  beat(): Promise<void>;
}

/** Logs where it stops being heard, and where it is heard again; not every beat. */
export function openHeartbeat(url: Secret, log: Log): Heartbeat {
  const endpoint = openEndpoint(url);
  let beating: Promise<void> | undefined;
  let isHeard = true;
  let closed = false;

  async function beatOnce(): Promise<void> {
    const unheard = await endpoint.tell();
    beating = undefined;
    if (closed || isHeard === (unheard === undefined)) return;
    isHeard = unheard === undefined;
    if (unheard === undefined) log.info({ event: 'heartbeat.heard' }, 'heartbeat_url answers again');
    else log.warn({ event: 'heartbeat.unheard' }, `heartbeat_url ${unheard.why}`);
  }

  return {
    beat() {
      beating ??= beatOnce();
      return beating;
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await endpoint[Symbol.asyncDispose]();
      await beating;
    },
  };
}
