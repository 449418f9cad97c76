import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { ExportdError } from '../core/errors.ts';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** Where in a field we are. */
const START = 0;
const BARE = 1;
const QUOTED = 2;
const QUOTE_IN_QUOTED = 3;

export interface Scanned {
  /** Bytes of the longest record. */
  readonly longest: number;
  /** Whether some value holds a line end. */
  readonly spansLines: boolean;
}

/**
 * Reads a body byte by byte, once DuckDB could not: returns what its records are like; throws what is wrong with it, by
 * row. Never on the common road. DuckDB's own message is of no use: it quotes the line.
 *
 * Throws (period, retryable) BODY_SHORT where the body ends inside a record; BODY_MALFORMED where a record has more or
 * fewer fields than the header, text stands behind a closing quote, line ends are of two kinds, or it is not UTF-8.
 */
export async function scanCsv(path: string, columns: number, signal: AbortSignal): Promise<Scanned> {
  const scan = new CsvScan(columns);
  let torn: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 262_144, signal })) {
    const bytes: Buffer = torn.length === 0 ? chunk : Buffer.concat([torn, chunk]);
    const whole = bytes.length - cutCharacter(bytes);
    torn = Buffer.from(bytes.subarray(whole));
    scan.push(bytes.subarray(0, whole));
  }
  if (torn.length > 0) throw short('in the middle of a character');
  return scan.end();
}

class CsvScan {
  readonly #columns: number;
  #state = START;
  /** The header is row 0. */
  #row = 0;
  #fields = 1;
  #length = 0;
  #longest = 0;
  #spansLines = false;
  #lineEnd: 'LF' | 'CRLF' | 'CR' | undefined;
  #afterCr = false;

  constructor(columns: number) {
    this.#columns = columns;
  }

  push(bytes: Buffer): void {
    if (!isUtf8(bytes)) throw malformed(`is not UTF-8, in or soon after row ${this.#row}`);
    for (const byte of bytes) {
      if (this.#afterCr) {
        this.#afterCr = false;
        this.#endLine(byte === LF ? 'CRLF' : 'CR');
        if (byte === LF) continue;
      }
      this.#length += 1;
      if (this.#state === QUOTED) {
        if (byte === QUOTE) this.#state = QUOTE_IN_QUOTED;
        else if (byte === LF || byte === CR) this.#spansLines = true;
      } else if (byte === COMMA) {
        this.#fields += 1;
        this.#state = START;
      } else if (byte === LF) {
        this.#endLine('LF');
      } else if (byte === CR) {
        this.#afterCr = true;
      } else if (byte === QUOTE && this.#state !== BARE) {
        this.#state = QUOTED;
      } else if (this.#state === QUOTE_IN_QUOTED) {
        throw malformed(`has text behind a closing quote in row ${this.#row}`);
      } else {
        this.#state = BARE;
      }
    }
  }

  end(): Scanned {
    if (this.#state === QUOTED) throw short(`in a quoted field, in or after row ${this.#row}`);
    if (this.#afterCr) this.#endLine('CR');
    if (this.#length > 0) {
      if (this.#fields < this.#columns) throw short(`in the middle of row ${this.#row}`);
      this.#endRecord();
    }
    return { longest: this.#longest, spansLines: this.#spansLines };
  }

  #endLine(kind: 'LF' | 'CRLF' | 'CR'): void {
    this.#lineEnd ??= kind;
    if (this.#lineEnd !== kind)
      throw malformed(`ends lines in two ways, ${this.#lineEnd} and ${kind} (row ${this.#row})`);
    this.#endRecord();
  }

  #endRecord(): void {
    const blank = this.#length <= 1 && this.#fields === 1;
    if (!blank && this.#fields !== this.#columns) {
      throw malformed(
        `has ${this.#fields === 1 ? '1 field' : `${this.#fields} fields`} in row ${this.#row}, where the header has ${this.#columns}`,
      );
    }
    this.#longest = Math.max(this.#longest, this.#length);
    this.#length = 0;
    this.#fields = 1;
    this.#state = START;
    if (!blank) this.#row += 1;
  }
}

/** How many bytes at the end belong to a character that goes on in the next chunk. */
function cutCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}

function short(where: string): ExportdError {
  return new ExportdError('BODY_SHORT', `the CSV ends ${where}`, {
    scope: 'period',
    retryable: true,
    hint: 'it arrived incomplete; the source is asked again, and nothing of it was loaded',
  });
}

function malformed(what: string): ExportdError {
  return new ExportdError('BODY_MALFORMED', `the CSV ${what}`, {
    scope: 'period',
    retryable: true,
    hint: 'the source is asked again; nothing of it was loaded. If it stays so, report it to whoever runs the source',
  });
}
