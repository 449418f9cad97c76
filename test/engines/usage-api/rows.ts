/** A number's text as the server shall print it, digit for digit, where a double would print another. */
export class Exact {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** `exact('0.30000000000000004')`: printed without quotes in JSON, as it is in CSV. */
export function exact(text: string): Exact {
  return new Exact(text);
}

/**
 * One row of an export, columns in their order. null is an empty field (JSON null), undefined no column at all where no
 * row has one. Objects become JSON (the contract's maps).
 */
export type Row = Readonly<Record<string, unknown>>;

/** The columns that any row has, in the order in which they first appear. */
export function columnsOf(rows: readonly Row[]): string[] {
  const names = new Set<string>();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) if (value !== undefined) names.add(name);
  }
  return [...names];
}

/** RFC 4180: a header, CRLF after every record, quotes where needed. null is an empty field, '' is `""`. */
export function toCsv(rows: readonly Row[], columns: readonly string[]): Buffer {
  const records = [columns.map(quoted), ...rows.map((row) => columns.map((name) => csvField(row[name])))];
  return Buffer.from(records.map((fields) => `${fields.join(',')}\r\n`).join(''));
}

/** A JSON array of objects. Takes bigint and `exact` as numbers. */
export function toJson(rows: readonly Row[]): Buffer {
  return Buffer.from(jsonText(rows));
}

function csvField(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value === '') return '""';
  return quoted(typeof value === 'string' ? value : jsonText(value));
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function jsonText(value: unknown): string {
  if (value instanceof Exact) return value.text;
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`).join(',')}}`;
  }
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`A row holds a ${typeof value}, which neither CSV nor JSON can carry.`);
  return text;
}
