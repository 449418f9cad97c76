import { short } from '../http/body.ts';
import type { Bytes } from '../http/receive.ts';

/** How many rows went by. */
export interface RowCount {
  rows: number;
}

const LINE_FEED = 0x0a;
const COMMA = 0x2c;
const QUOTE = 0x22;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * Lines of JSON objects as the elements of an array: each line feed but the last becomes a comma, in place. A line that is no
 * whole object is what ClickHouse writes where a query fails after its first rows, as text behind them or in the middle of
 * one: throws BODY_SHORT then, and where the last line has no end.
 */
export async function* asElements(lines: Bytes, count: RowCount): AsyncGenerator<Buffer, void> {
  let last = LINE_FEED;
  for await (const chunk of lines) {
    if (chunk.length === 0) continue;
    if (last === LINE_FEED) {
      if (chunk[0] !== OPEN) throw torn();
      if (count.rows > 0) yield Buffer.of(COMMA);
    }
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, at + 1)) {
      if ((at === 0 ? last : chunk[at - 1]) !== CLOSE) throw torn();
      count.rows += 1;
      if (at === chunk.length - 1) break;
      if (chunk[at + 1] !== OPEN) throw torn();
      chunk[at] = COMMA;
    }
    last = chunk[chunk.length - 1] ?? last;
    yield last === LINE_FEED ? chunk.subarray(0, -1) : chunk;
  }
  if (last !== LINE_FEED) throw torn();
}

/** Counts records of CSV: line feeds outside of quotes. */
export async function* countingRecords(bytes: Bytes, count: RowCount): Bytes {
  let isQuoted = false;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === QUOTE) isQuoted = !isQuoted;
      else if (byte === LINE_FEED && !isQuoted) count.rows += 1;
    }
    yield chunk;
  }
}

function torn(): Error {
  return short('the usage store broke off in the middle of its rows');
}
