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
  const told = new Set<string>();
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
  /** A thousand retries or failures of a job for one reason are one piece of news; the summary counts and names them. */
  function isNews(event: RunEvent): boolean {
    const news = reasonOf(event);
    return news === undefined || (!told.has(news) && told.add(news) !== undefined);
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

/** undefined where nothing went wrong. Of a retry the kind of error, of a failure its very words. */
function reasonOf(event: RunEvent): string | undefined {
  if (event.type === 'period.retrying') return `retry ${event.job} ${event.error.code}`;
  if (event.type !== 'period.done' || event.error === undefined) return undefined;
  return `${event.outcome} ${event.job} ${event.error.message}`;
}
