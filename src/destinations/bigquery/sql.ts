import type { QueryParameter } from './resources.ts';

/** GoogleSQL with the values of its named parameters. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly QueryParameter[];
}

/** `` `name` ``, safe for any text. The one place that quotes identifiers for BigQuery. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** `'text'`: of constants of ours alone; values of others are parameters. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** The fields of a STRUCT under the names of their columns: written out, since not every reader of SQL infers them. */
export function named(columns: readonly string[]): string {
  return columns.map((name) => `${quoteName(name)} AS ${quoteName(name)}`).join(', ');
}

export function scalar(
  name: string,
  type: 'STRING' | 'INT64' | 'DATE' | 'TIMESTAMP',
  value: string | null,
): QueryParameter {
  return { name, parameterType: { type }, parameterValue: { value } };
}

export function texts(name: string, values: readonly string[]): QueryParameter {
  return {
    name,
    parameterType: { type: 'ARRAY', arrayType: { type: 'STRING' } },
    parameterValue: { arrayValues: values.map((value) => ({ value })) },
  };
}
