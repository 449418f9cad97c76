import { ExportdError } from '../../core/errors.ts';

/** One way of writing a name in JSON: `"a"` and `"\u0061"` are two spellings of one column. */
interface Spelling {
  /** Quotes included. */
  readonly bytes: Uint8Array;
  readonly column: Column;
  /** What followed it last time: rows of one export have their keys in one order, most of the time. */
  next: Spelling | undefined;
}

interface Column {
  readonly name: string;
  readonly index: number;
  /** The reading of a row that had it last. */
  reading: number;
}

/** More than any export has; a bound on what a hostile one can make us remember. */
const MOST_COLUMNS = 10_000;
const LONGEST_KEY = 65_536;

/** The keys of the rows as they pass: which column each one is, and whether a row has one twice. */
export class JsonColumns {
  readonly #spellings = new Map<string, Spelling>();
  readonly #columns = new Map<string, Column>();
  readonly #start: Spelling = { bytes: new Uint8Array(), column: { name: '', index: -1, reading: 0 }, next: undefined };
  #previous = this.#start;
  #row = 0;
  #reading = 0;

  /** Every key so far, each once, in the order in which they came up. */
  get names(): readonly string[] {
    return [...this.#columns.keys()];
  }

  get count(): number {
    return this.#columns.size;
  }

  /** Row `row`, from 1, is read; perhaps not for the first time. */
  startRow(row: number): void {
    this.#row = row;
    this.#reading += 1;
    this.#previous = this.#start;
  }

  /** The key that most likely comes next, as it is written; to be compared with before a key is read byte by byte. */
  get likely(): Uint8Array | undefined {
    return this.#previous.next?.bytes;
  }

  /** The column of the likely key. Throws as `take` does. */
  takeLikely(): number {
    return this.#take(this.#previous.next ?? this.#start);
  }

  /**
   * The column of the key that stands at [from, to) of `bytes`, quotes included. Throws VALUE_MISFIT where this row
   * already had it, or it holds half a character, and BODY_MALFORMED where there are too many different keys.
   */
  take(bytes: Buffer, from: number, to: number): number {
    const spelling = this.#find(bytes.subarray(from, to));
    this.#previous.next = spelling;
    return this.#take(spelling);
  }

  #take(spelling: Spelling): number {
    const { column } = spelling;
    this.#previous = spelling;
    if (column.reading === this.#reading) {
      throw new ExportdError(
        'VALUE_MISFIT',
        `row ${this.#row} of the JSON answer has the key ${JSON.stringify(column.name)} twice`,
        {
          scope: 'period',
          hint: 'there is no telling which of the two is right; ask for format: csv, or tell the people of the source',
        },
      );
    }
    column.reading = this.#reading;
    return column.index;
  }

  #find(key: Buffer): Spelling {
    const written = key.toString('latin1');
    const known = this.#spellings.get(written);
    if (known !== undefined) return known;
    if (this.#spellings.size >= MOST_COLUMNS) throw noExport(`have over ${MOST_COLUMNS} different keys`);
    if (key.length > LONGEST_KEY) throw noExport(`have a key of ${key.length} bytes`);
    const name = textOf(key, this.#row);
    const column = this.#columns.get(name) ?? { name, index: this.#columns.size, reading: 0 };
    this.#columns.set(name, column);
    const spelling = { bytes: Uint8Array.from(key), column, next: undefined };
    this.#spellings.set(written, spelling);
    return spelling;
  }
}

function noExport(what: string): ExportdError {
  return new ExportdError('BODY_MALFORMED', `the rows of the JSON answer ${what}`, {
    scope: 'period',
    hint: 'these are not the rows of a usage export; check base_url',
  });
}

/**
 * What a string of a row says; `written` with its quotes. Throws VALUE_MISFIT where it holds an escape for half a
 * character, which JavaScript makes of a text that was cut inside an emoji.
 */
export function textOf(written: Buffer, row: number): string {
  const text = String(JSON.parse(written.toString('utf8')));
  if (text.isWellFormed()) return text;
  throw new ExportdError(
    'VALUE_MISFIT',
    `row ${row} of the JSON answer holds half a character (\\ud800 to \\udfff without its other half)`,
    {
      scope: 'period',
      hint: 'a text was cut inside an emoji; correct it at the source, or ask for format: csv, which cannot hold such a half',
    },
  );
}
