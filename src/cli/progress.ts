import type { Instant, PeriodKey } from '../core/words.ts';
import type { RunEvent } from '../run/events.ts';
import type { Output } from './output.ts';
import { namesOf } from './period-names.ts';
import { progressLine } from './progress-line.ts';
import { runLine } from './run-line.ts';
import { Tally } from './tally.ts';
import type { Telling } from './telling.ts';

/** At most ten redraws a second; twice that would only flicker. */
const REDRAW = 100;

/** Tells a person how a run goes: on a terminal a line that redraws itself, with news above it; elsewhere plain lines. */
export function showProgress({ stderr }: Output, clock: () => Instant): Telling {
  const tally = new Tally();
  const toldRetries = new Set<string>();
  let nameOf = (key: PeriodKey): string => key;
  let drawn = '';
  let timer: NodeJS.Timeout | undefined;

  const erase = (): string => (drawn === '' ? '' : '\r\u001b[2K');
  function draw(): void {
    const line = progressLine(tally, clock(), stderr);
    if (line === drawn) return;
    stderr.write(erase() + line);
    drawn = line;
  }
  function say(line: string): void {
    stderr.write(`${erase()}${line}\n${drawn}`);
  }
  /** A retry is told once per job and error; a thousand of them are one piece of news. */
  function isNews(event: RunEvent): boolean {
    if (event.type !== 'period.retrying') return true;
    const news = `${event.job} ${event.error.code}`;
    return !toldRetries.has(news) && toldRetries.add(news) !== undefined;
  }

  return {
    say,
    emit(event) {
      tally.take(event);
      if (event.type === 'run.planned') nameOf = namesOf(event.plans);
      const line = isNews(event)
        ? runLine(event, { tally, nameOf, live: stderr.live, paint: stderr.paint })
        : undefined;
      if (line !== undefined) say(line);
      // The timer also lets the time that is left run down while nothing happens.
      if (stderr.live && tally.periods > 0) timer ??= setInterval(draw, REDRAW).unref();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      stderr.write(erase());
      drawn = '';
    },
  };
}
