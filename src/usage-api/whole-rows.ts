/**
 * Rows as ClickHouse sends them while it still makes them. Where a query fails after its first rows, what went wrong comes as
 * text behind them, or in the middle of one; newer servers break the connection too, older ones end it as if all were well.
 * So every row must begin and end as ours do (row-text.ts), the last one too: anything else is a body that broke off.
 */
import { short } from '../http/body.ts';
import type { Bytes } from '../http/receive.ts';

/** How many rows went by. */
export interface RowCount {
  rows: number;
}

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const COMMA = 0x2c;
const QUOTE = 0x22;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Lines of JSON objects as the elements of an array: each line feed but the last becomes a comma, in place. Throws BODY_SHORT. */
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

/** Records of CSV as they are. Each begins with a date and ends with CRLF, which inside of quotes is text. Throws BODY_SHORT. */
export async function* wholeRecords(records: Bytes, count: RowCount): Bytes {
  let at: Within = { isQuoted: false, last: LINE_FEED, rows: 0 };
  for await (const chunk of records) {
    at = readOn(chunk, at);
    count.rows = at.rows;
    yield chunk;
  }
  if (at.last !== LINE_FEED || at.isQuoted) throw torn();
}

/** Where in the records a chunk ended. */
interface Within {
  readonly isQuoted: boolean;
  /** The byte before. */
  readonly last: number;
  readonly rows: number;
}

/** Looks at every byte; in a function of its own, where that takes a quarter less time than within a generator. */
function readOn(chunk: Buffer, before: Within): Within {
  let { isQuoted, last, rows } = before;
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at] ?? 0;
    if (last === LINE_FEED && !isQuoted && (byte < 0x30 || byte > 0x39)) throw torn();
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (byte === LINE_FEED && !isQuoted) {
      if (last !== RETURN) throw torn();
      rows += 1;
    }
    last = byte;
  }
  return { isQuoted, last, rows };
}

function torn(): Error {
  return short('the usage store broke off in the middle of its rows');
}
