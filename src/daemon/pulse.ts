import { schedule } from 'node-cron';

const HEARTBEAT = '*/15 * * * * *';
/** Milliseconds without a look after which one is due, whatever the wall clock says. */
const SILENCE = 20_000;
const CHECK = 1_000;
/** A wall clock that moved by more between two checks, or went back, was set, or the machine slept. */
const JUMP = 60_000;

/**
 * Calls `look` every 15 s until it is disposed of. node-cron goes by the wall clock alone: where that goes back an hour it is
 * silent for an hour, and where it goes on by a month it counts, and laments, every beat of that month. So a second timer,
 * which counts for itself, breaks silences, and starts node-cron anew where the clock jumped.
 */
export function openPulse(look: () => void): AsyncDisposable {
  let lookedAt = performance.now();
  let wallClock = Date.now();
  const beat = () => {
    lookedAt = performance.now();
    look();
  };
  const start = () => schedule(HEARTBEAT, beat, { logger: SILENT });
  let heart = start();
  const watch = setInterval(() => {
    const now = Date.now();
    if (now < wallClock || now - wallClock > JUMP) {
      void heart.destroy();
      heart = start();
    }
    wallClock = now;
    if (performance.now() - lookedAt >= SILENCE) beat();
  }, CHECK);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(watch);
      await heart.destroy();
    },
  };
}

const nothing = () => undefined;
/** Its words would stand between our log's. */
const SILENT = { info: nothing, warn: nothing, error: nothing, debug: nothing };
