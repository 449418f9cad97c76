import type { ContractColumn } from '../core/words.ts';

/**
 * A report whose rows are texts that ClickHouse itself has written, one a line: a record of CSV, or an object of JSON. So
 * no row is ever taken apart here, and what an answer looks like depends on no setting of a server and no version of it:
 * its own CSV has `\N` for null, its own JSON quotes numbers as the server's settings say, and has maps as texts.
 */
export function csvRows(sql: string, columns: readonly ContractColumn[]): string {
  const cells = columns.map((column) => `ifNull(${csvCell(column)}, '')`);
  return textRows(`${cells.join(", ',', ")}, '\\r\\n'`, sql);
}

/** The first line of a CSV file, RFC 4180. */
export function csvHeader(columns: readonly ContractColumn[]): string {
  return `${columns.map(({ name }) => name).join(',')}\r\n`;
}

export function jsonRows(sql: string, columns: readonly ContractColumn[]): string {
  const fields = columns.map(
    (column, i) => `'${i === 0 ? '{' : ','}"${column.name}":', ifNull(${jsonValue(column)}, 'null')`,
  );
  return textRows(`${fields.join(', ')}, '}\\n'`, sql);
}

/** The texts as they are, with nothing between them. */
function textRows(pieces: string, sql: string): string {
  return `SELECT concat(${pieces}) FROM (\n${sql})\nFORMAT RawBLOB`;
}

/** Texts are always quoted: an empty one is `""`, and null is nothing at all. */
function csvCell({ name, type }: ContractColumn): string {
  return isText(type) ? `concat('"', replaceAll(\`${name}\`, '"', '""'), '"')` : `toString(\`${name}\`)`;
}

function jsonValue({ name, type }: ContractColumn): string {
  if (type === 'string') return `toJSONString(\`${name}\`)`;
  if (type === 'date') return `concat('"', toString(\`${name}\`), '"')`;
  return type === 'map' ? `\`${name}\`` : `toString(\`${name}\`)`;
}

function isText(type: ContractColumn['type']): boolean {
  return type === 'string' || type === 'map';
}
