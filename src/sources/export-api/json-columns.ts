import { ExportdError } from '../../core/errors.ts';

/** One way of writing a name in JSON: `"a"` and `"\u0061"` are two spellings of one column. */
interface Spelling {
  readonly bytes: Uint8Array;
  readonly column: { readonly name: string; row: number };
  /** What followed it last time: rows of one export have their keys in one order, most of the time. */
  next: Spelling | undefined;
}

/** More than any export has; a bound on what a hostile one can make us remember. */
const MOST_COLUMNS = 10_000;

/** The keys of the rows as they pass: finds a key that a row has twice, without building a set for each row. */
export class JsonColumns {
  readonly #spellings = new Map<string, Spelling>();
  readonly #columns = new Map<string, Spelling['column']>();
  readonly #start: Spelling = { bytes: new Uint8Array(), column: { name: '', row: 0 }, next: undefined };
  #previous = this.#start;
  #row = 0;

  /** The number of the row that is being read, from 1. */
  get row(): number {
    return this.#row;
  }

  /** Every key so far, each once, in the order in which they came up. */
  get names(): readonly string[] {
    return [...this.#columns.keys()];
  }

  startRow(): void {
    this.#row += 1;
    this.#previous = this.#start;
  }

  /** The key that most likely comes next, as it is written; to be compared with before a key is read byte by byte. */
  get likely(): Uint8Array | undefined {
    return this.#previous.next?.bytes;
  }

  /** Takes the likely key. Returns its name where this row already had it. */
  takeLikely(): string | undefined {
    return this.#take(this.#previous.next ?? this.#start);
  }

  /**
   * Takes the key that stands at [from, to) of `bytes`, quotes left out. Returns its name where this row already had it.
   * Throws BODY_MALFORMED where there are too many different keys.
   */
  take(bytes: Buffer, from: number, to: number): string | undefined {
    const spelling = this.#find(bytes.subarray(from, to));
    this.#previous.next = spelling;
    return this.#take(spelling);
  }

  #take(spelling: Spelling): string | undefined {
    this.#previous = spelling;
    if (spelling.column.row === this.#row) return spelling.column.name;
    spelling.column.row = this.#row;
    return undefined;
  }

  #find(key: Buffer): Spelling {
    const written = key.toString('latin1');
    const known = this.#spellings.get(written);
    if (known !== undefined) return known;
    if (this.#spellings.size >= MOST_COLUMNS) {
      throw new ExportdError('BODY_MALFORMED', `the rows of the JSON answer have over ${MOST_COLUMNS} different keys`, {
        scope: 'period',
        hint: 'these are not the rows of a usage export; check base_url',
      });
    }
    const name = String(JSON.parse(`"${key.toString('utf8')}"`));
    const column = this.#columns.get(name) ?? { name, row: 0 };
    this.#columns.set(name, column);
    const spelling = { bytes: Uint8Array.from(key), column, next: undefined };
    this.#spellings.set(written, spelling);
    return spelling;
  }
}
