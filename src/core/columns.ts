/** What lands: which columns of an export a table has, under which name and type, and which of them are ours. */
import { contractColumns } from './contract.ts';
import { ExportdError } from './errors.ts';
import type { Column, ColumnRules, ColumnType, Report, SchemaPolicy, TableColumn } from './words.ts';

/** Metadata columns of every data table, in the order in which it is made. */
export const METADATA_COLUMNS = [
  { name: '_period_key', type: 'string' },
  { name: '_period_date', type: 'date' },
  { name: '_period_start', type: 'timestamp' },
  { name: '_period_end', type: 'timestamp' },
  { name: '_source', type: 'string' },
  { name: '_load_id', type: 'string' },
  { name: '_extracted_at', type: 'timestamp' },
] as const;

/** A column of a table, and how it comes about. */
export interface LandingColumn extends Column {
  /** The export's name: the contract's spelling; of a column that the contract does not know, the export's own. */
  readonly from: string;
  /**
   * What the export's value is read as. Differs from `type` where the value is hashed (its text as it would have
   * landed is), or where the table's column was made under another type.
   */
  readonly reads: ColumnType;
  readonly hashed: boolean;
  /** Identifies a person: no message says more of its values than their length. */
  readonly personal: boolean;
  /** An integer or numeric usage column of the contract: part of `totals`. */
  readonly summed: boolean;
  /** A map that the warehouse parses: no number in it may be wider than 64 bits. */
  readonly parsed?: boolean;
}

export interface Landing {
  /** The contract's columns in their order, also those the export lacks; then new ones in the export's order. */
  readonly columns: readonly LandingColumn[];
  /** The export's names that `schema: discard` leaves out. */
  readonly discarded: readonly string[];
}

/** The table's name for a column: lower-cased, other than `[a-z0-9_]` becomes `_`, a leading digit gets a `_` before it. */
export function landingName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9_]/gu, '_')
    .replace(/^(?=\d)/, '_');
}

/** Names are matched without regard to case; this is what is compared. */
export function matchingName(name: string): string {
  return name.toLowerCase();
}

/**
 * What lands of an export that has the columns `header` (none: the contract's columns alone).
 *
 * Throws (period) COLUMN_REFUSED: a column twice, without a name, that becomes equal to another, or that takes one of our names;
 * COLUMN_NEW: one that the contract does not know, under `schema: freeze`.
 */
export function landColumns(
  report: Report,
  rules: ColumnRules,
  schema: SchemaPolicy,
  header: readonly string[] = [],
): Landing {
  refuseDoubled(header);
  const contract = contractColumns(report);
  const known = new Set(contract.map((column) => column.name));
  const dropped = new Set(rules.drop.map(matchingName));
  const hashed = new Set(rules.hash.map(matchingName));
  const renamed = new Map([...rules.rename].map(([from, to]) => [matchingName(from), to]));
  const typed = new Map([...rules.types].map(([from, type]) => [matchingName(from), type]));

  const land = (from: string, type: ColumnType): Omit<LandingColumn, 'description' | 'personal' | 'summed'> => {
    const name = matchingName(from);
    const reads = typed.get(name) ?? type;
    const isHashed = hashed.has(name);
    return {
      from,
      name: landingName(renamed.get(name) ?? from),
      reads,
      type: isHashed ? 'string' : reads,
      hashed: isHashed,
    };
  };

  const unknown = header.filter((name) => !known.has(matchingName(name)) && !dropped.has(matchingName(name)));
  if (schema === 'freeze' && unknown.length > 0) throw newColumns(unknown);
  const columns: LandingColumn[] = [
    ...contract
      .filter((column) => !dropped.has(column.name))
      .map((column) => {
        const landing = land(column.name, column.type);
        const summed = column.kind === 'usage' && isSummable(landing.type);
        return { ...landing, description: column.description, personal: column.personal || landing.hashed, summed };
      }),
    ...(schema === 'evolve' ? unknown : []).map((name) => {
      const landing = land(name, 'string');
      return { ...landing, description: '', personal: landing.hashed, summed: false };
    }),
  ];
  refuseClashes(columns);
  return { columns, discarded: schema === 'discard' ? unknown : [] };
}

/**
 * The same columns in the types that the table has: an existing column keeps its type.
 * Throws TABLE_REFUSED (table) where the table's column is of a type that exportd does not make, or cannot hold a hash.
 */
export function landInTable(columns: readonly LandingColumn[], table: readonly TableColumn[]): LandingColumn[] {
  const existing = new Map(table.map((column) => [matchingName(column.name), column]));
  return columns.map((column) => {
    const there = existing.get(column.name);
    if (there === undefined || there.type === column.type) return column;
    if (there.type === undefined || column.hashed) {
      throw new ExportdError(
        'TABLE_REFUSED',
        `the table's column ${column.name} is ${there.native}, which cannot take ${column.hashed ? 'hashed values' : `the export's ${column.type}`}`,
        { scope: 'table', hint: `give the column another name with columns.rename, or use another table` },
      );
    }
    return { ...column, type: there.type, summed: column.summed && isSummable(there.type) };
  });
}

/**
 * What the `policy` digest is taken of: equal for rules that land the same rows, whatever their order and case.
 * The hash key counts only where something is hashed.
 */
export function policyText(rules: ColumnRules, schema: SchemaPolicy, hashKeyId: string | undefined): string {
  const drop = distinct(rules.drop);
  const hash = distinct(rules.hash).filter((name) => !drop.includes(name));
  const entries = <T>(map: ReadonlyMap<string, T>) =>
    [...map].map(([name, value]) => [matchingName(name), value] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({
    drop,
    hash,
    rename: entries(rules.rename).map(([from, to]) => [from, landingName(to)]),
    types: entries(rules.types),
    schema,
    hashKey: hash.length === 0 ? null : (hashKeyId ?? null),
  });
}

/** A column's name in a message: quoted, and cut where an export is not one at all. */
export function quotedName(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
}

function isSummable(type: ColumnType): boolean {
  return type === 'integer' || type === 'numeric' || type === 'numeric(38,18)';
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names.map(matchingName))].sort();
}

function refuseDoubled(header: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of header) {
    if (name === '') {
      throw refused('the export has a column without a name', 'report it to whoever runs the source');
    }
    const first = seen.get(matchingName(name));
    if (first !== undefined) {
      throw refused(
        `the export has the column ${quotedName(first)} twice${first === name ? '' : `, also as ${quotedName(name)}`}: there is no right one to take`,
        'report it to whoever runs the source',
      );
    }
    seen.set(matchingName(name), name);
  }
}

function refuseClashes(columns: readonly LandingColumn[]): void {
  const landed = new Map<string, LandingColumn>();
  for (const column of columns) {
    const remedy = `name it otherwise: columns: { rename: { ${quotedName(column.from)}: … } }, or drop it`;
    if (METADATA_COLUMNS.some((ours) => ours.name === column.name) || column.name.startsWith('_exportd')) {
      throw refused(
        `the export's column ${quotedName(column.from)} would land as ${column.name}, a name that exportd keeps for itself`,
        remedy,
      );
    }
    const first = landed.get(column.name);
    if (first !== undefined) {
      throw refused(
        `the columns ${quotedName(first.from)} and ${quotedName(column.from)} would both land as ${column.name}`,
        remedy,
      );
    }
    landed.set(column.name, column);
  }
}

function newColumns(names: readonly string[]): ExportdError {
  const one = names.length === 1;
  return new ExportdError(
    'COLUMN_NEW',
    `the export has ${one ? 'a new column' : 'new columns'}, and the job says schema: freeze: ${names.map(quotedName).join(', ')}`,
    {
      scope: 'period',
      hint: `say schema: evolve to add ${one ? 'it' : 'them'}, or put ${one ? 'it' : 'them'} under columns.drop`,
    },
  );
}

function refused(message: string, hint: string): ExportdError {
  return new ExportdError('COLUMN_REFUSED', message, { scope: 'period', hint });
}
