import type { Instant } from '../core/words.ts';
import type { Paint } from './output.ts';
import { count, counted, duration } from './phrases.ts';
import { clip, width } from './table.ts';
import type { Tally } from './tally.ts';

export interface Screen {
  readonly paint: Paint;
  readonly columns: number;
  readonly unicode: boolean;
}

const WIDEST_BAR = 30;
const NARROWEST_BAR = 10;

/** `█████▒▒░░░░  212/365 periods  1,204,311 rows  38/min  about 4 min left  2 failed`, never wider than the screen. */
export function progressLine(tally: Tally, now: Instant, screen: Screen): string {
  const parts = [
    `${count(tally.done)}/${counted(tally.periods, 'period')}`,
    ...(tally.failed > 0 ? [screen.paint('red', `${count(tally.failed)} failed`)] : []),
    ...(tally.held > 0 ? [screen.paint('yellow', `${count(tally.held)} held`)] : []),
    leftInWords(tally, now),
    ...rateInWords(tally, now),
    counted(tally.rows, 'row'),
  ];
  // The last column stays free: a full line would wrap, and could not be redrawn.
  const room = screen.columns - 1;
  while (parts.length > 1 && NARROWEST_BAR + 2 + width(parts.join('  ')) > room) parts.pop();
  const text = parts.join('  ');
  const cells = Math.min(WIDEST_BAR, room - 2 - width(text));
  return cells < NARROWEST_BAR ? clip(text, Math.max(1, room)) : `${bar(tally, cells, screen)}  ${text}`;
}

/** Committed, fetched and waiting periods. */
function bar({ periods, done, fetched }: Tally, cells: number, { paint, unicode }: Screen): string {
  const [full, half, empty] = unicode ? ['█', '▒', '░'] : ['#', '=', '.'];
  const filled = Math.floor((cells * done) / Math.max(1, periods));
  const ahead = Math.floor((cells * fetched) / Math.max(1, periods)) - filled;
  return paint('green', full.repeat(filled) + half.repeat(ahead)) + paint('dim', empty.repeat(cells - filled - ahead));
}

export function leftInWords(tally: Tally, now: Instant): string {
  if (tally.fetched < tally.periods) return `about ${duration(tally.timeLeft(now))} left`;
  return tally.done < tally.periods ? 'committing' : 'done';
}

function rateInWords(tally: Tally, now: Instant): string[] {
  const rate = tally.rate(now);
  return rate === undefined ? [] : [`${count(Math.round(rate))}/min`];
}
