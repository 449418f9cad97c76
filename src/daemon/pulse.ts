import { schedule } from 'node-cron';

/** Every 15 s. Nothing depends on a look coming in time. */
const HEARTBEAT = '*/15 * * * * *';
/** Milliseconds without a look after which one is due, whatever the wall clock says. */
const SILENCE = 20_000;
const CHECK = 5_000;

/**
 * Calls `look` every 15 s until it is disposed of. node-cron waits for a time of the wall clock: where that goes back an
 * hour, or a loop that was busy misses a beat, it is silent. So an interval, which counts for itself, breaks silences.
 */
export function openPulse(look: () => void): AsyncDisposable {
  let last = performance.now();
  const beat = () => {
    last = performance.now();
    look();
  };
  const heart = schedule(HEARTBEAT, beat);
  const watch = setInterval(() => {
    if (performance.now() - last >= SILENCE) beat();
  }, CHECK);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(watch);
      await heart.destroy();
    },
  };
}
