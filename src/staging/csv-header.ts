import { open } from 'node:fs/promises';
import { quotedName } from '../core/columns.ts';
import { ExportdError } from '../core/errors.ts';

/** More than any header is; a bound on what a body that is no CSV makes us read. */
const LONGEST_HEADER = 1_048_576;

/**
 * The column names of a CSV body, in the file's order: DuckDB's `columns=` goes by position, so names must come from
 * the file. Byte order marks are left out. undefined: the body is empty.
 * Throws (period) BODY_MALFORMED where the first record is no CSV, or not UTF-8; COLUMN_REFUSED where a name holds a
 * line end: DuckDB takes the header's first line end for everybody's, and may then find no row at all.
 */
export async function readCsvHeader(path: string): Promise<readonly string[] | undefined> {
  const text = await firstText(path);
  if (text === '') return undefined;
  const names = parseRecord(text);
  const broken = names.find((name) => /[\r\n]/.test(name));
  if (broken === undefined) return names;
  throw new ExportdError('COLUMN_REFUSED', `the name of the column ${quotedName(broken)} holds a line end`, {
    scope: 'period',
    hint: 'report it to whoever runs the source; from JSON (format: json) such a name can be read',
  });
}

async function firstText(path: string): Promise<string> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(LONGEST_HEADER);
    let length = 0;
    // Most headers are in the first block; all of a longer one is read.
    for (let wanted = 16_384; ; wanted = LONGEST_HEADER) {
      const { bytesRead } = await file.read(buffer, length, wanted - length, length);
      length += bytesRead;
      const ended = bytesRead === 0 || length === LONGEST_HEADER;
      if (ended || hasRecord(buffer.subarray(0, length))) return decode(buffer.subarray(0, length), ended);
    }
  } finally {
    await file.close();
  }
}

/** Whether a line end stands outside quotes. */
function hasRecord(bytes: Buffer): boolean {
  let quoted = false;
  for (const byte of bytes) {
    if (byte === 0x22) quoted = !quoted;
    else if (!quoted && (byte === 0x0a || byte === 0x0d)) return true;
  }
  return false;
}

function decode(bytes: Buffer, whole: boolean): string {
  try {
    // A character that the end of the block cut is not the header's.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
      .decode(bytes, { stream: !whole })
      .replace(/^\uFEFF+/, '');
  } catch {
    throw malformed('the CSV is not UTF-8');
  }
}

/** The first record of a CSV text, by RFC 4180. */
function parseRecord(text: string): string[] {
  const field = /"((?:[^"]|"")*)"(?=[,\r\n]|$)|([^",\r\n][^,\r\n]*|(?=[,\r\n]|$))/y;
  const names: string[] = [];
  for (let at = 0; ; at += 1) {
    field.lastIndex = at;
    const match = field.exec(text);
    if (match === null) throw malformed('the header of the CSV is malformed');
    names.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    at = field.lastIndex;
    if (text[at] !== ',') return names;
  }
}

function malformed(message: string): ExportdError {
  return new ExportdError('BODY_MALFORMED', message, {
    scope: 'period',
    retryable: true,
    hint: 'the source is asked again; nothing of it was loaded',
  });
}
