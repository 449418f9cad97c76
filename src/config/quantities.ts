import type { History, Rate } from '../core/words.ts';

/** Patterns of the quantities that config is written in; the JSON Schema shows them to editors. */
export const DURATION = /^\d+(\.\d+)?(s|m|h|d)$/;
export const SIZE = /^\d+(\.\d+)?(KB|MB|GB|TB)$/;
export const RATE = /^[1-9]\d*\/(s|min)$/;
export const HISTORY = /^[1-9]\d* (day|month|year)s?$/;

const MILLISECONDS = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
const BYTES = new Map([
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
]);

/** `90s`, `5m`, `2h`, `1d` (24 hours) in milliseconds. */
export function durationOf(text: string): number {
  return Math.round(Number.parseFloat(text) * (MILLISECONDS.get(text.slice(-1)) ?? Number.NaN));
}

/** `512MB`, `10GB` in bytes; powers of ten. */
export function sizeOf(text: string): number {
  return Math.round(Number.parseFloat(text) * (BYTES.get(text.slice(-2)) ?? Number.NaN));
}

/** `500/min`, `20/s`. */
export function rateOf(text: string): Rate {
  return { requests: Number.parseInt(text, 10), window: text.endsWith('/s') ? 1_000 : 60_000 };
}

/** `12 months`, `90 days`, `1 year`. */
export function historyOf(text: string): History {
  const unit = text.includes('day') ? 'day' : text.includes('month') ? 'month' : 'year';
  return { amount: Number.parseInt(text, 10), unit };
}
