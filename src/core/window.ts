import type { Grain, Window } from './words.ts';

/** A window as the config writes it; what a word leaves out is the config's own or a default. */
export interface WindowObject {
  readonly grain: Grain;
  readonly span: number;
  readonly lookback?: number | undefined;
  readonly include_open: boolean;
}

/** One row of the table of words, for docs and `exportd plan`. */
export interface WindowWord {
  /** As people write it; N is a whole number from 1. */
  readonly word: string;
  readonly example: string;
  readonly means: string;
}

export const WINDOW_WORDS: readonly WindowWord[] = [
  { word: 'yesterday', example: 'yesterday', means: 'the newest closed day' },
  { word: 'last N <grain>s', example: 'last 7 days', means: 'the N newest closed grains, each a period of its own' },
  { word: 'previous week|month|quarter|year', example: 'previous month', means: 'the newest closed grain' },
  {
    word: 'week|month|quarter|year to date',
    example: 'month to date',
    means: 'the grain that is still running, exported again on every run, and the newest closed one',
  },
  {
    word: 'rolling N <grain>s',
    example: 'rolling 30 days',
    means: 'a period for every grain, each of N grains, counted as one',
  },
];

const GRAIN = '(hour|day|week|month|quarter|year)';
const LONG_GRAIN = '(week|month|quarter|year)';
const COUNTED = new RegExp(`^(last|rolling) ([1-9]\\d{0,3}) ${GRAIN}(s?)$`);
const PREVIOUS = new RegExp(`^previous ${LONG_GRAIN}$`);
const TO_DATE = new RegExp(`^${LONG_GRAIN} to date$`);

/** The window that a word stands for, or undefined where it is none of ours. */
export function windowOf(word: string): WindowObject | undefined {
  if (word === 'yesterday') return { grain: 'day', span: 1, lookback: 1, include_open: false };
  const previous = grainNamed(PREVIOUS.exec(word)?.[1]);
  if (previous !== undefined) return { grain: previous, span: 1, lookback: 1, include_open: false };
  const running = grainNamed(TO_DATE.exec(word)?.[1]);
  if (running !== undefined) return { grain: running, span: 1, include_open: true };
  const [, kind, count, name, plural] = COUNTED.exec(word) ?? [];
  const grain = grainNamed(name);
  const number = Number(count);
  if (grain === undefined || (plural === '' && number !== 1)) return undefined;
  if (kind === 'rolling') return { grain, span: number, include_open: false };
  return { grain, span: 1, lookback: number, include_open: false };
}

function grainNamed(name: string | undefined): Grain | undefined {
  const grains: readonly Grain[] = ['hour', 'day', 'week', 'month', 'quarter', 'year'];
  return grains.find((grain) => grain === name);
}

/** A window as one would write it in the config, e.g. `{ grain: day, span: 1, lookback: 3, delay: 2h, include_open: false }`. */
export function describeWindow(window: Window): string {
  const written = [
    `grain: ${window.grain}`,
    `span: ${window.span}`,
    ...(window.lookback === undefined ? [] : [`lookback: ${window.lookback}`]),
    `delay: ${duration(window.delay)}`,
    `include_open: ${window.includeOpen}`,
    ...(window.begin === undefined ? [] : [`begin: ${window.begin}`]),
  ];
  return `{ ${written.join(', ')} }`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** As durations are written in the config: in the largest unit that leaves no rest. */
function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= each && ms % each === 0) ?? ['ms', 1];
  return ms === 0 ? '0h' : `${ms / size}${unit}`;
}
