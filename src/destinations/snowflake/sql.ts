/**
 * `"NAME"`: upper-cased, so that people write the same name without quotes in any case; quoted, so that `order` and
 * `group` are names. The one place that quotes identifiers for Snowflake.
 */
export function quoteName(name: string): string {
  return `"${name.toUpperCase().replaceAll('"', '""')}"`;
}

/** A text in SQL. A dollar sign never stands beside another: two of them end the block that a commit is. */
export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  return quoted.includes('$$') ? `(${quoted.replace(/\$(?=\$)/g, () => "$' || '")})` : quoted;
}

export function quoteTexts(texts: readonly string[]): string {
  return texts.map(quoteText).join(', ');
}

/** `{"name": value, …}` of columns and expressions, nulls included; TO_JSON of it is what JSON.parse reads. */
export function jsonObject(fields: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${quoteText(name)}, ${value}`);
  return `OBJECT_CONSTRUCT_KEEP_NULL(${pairs.join(', ')})`;
}

export function millis(instant: string): string {
  return `DATE_PART('EPOCH_MILLISECOND', ${instant})`;
}

export function micros(instant: string): string {
  return `DATE_PART('EPOCH_MICROSECOND', ${instant})`;
}

export function isoDate(date: string): string {
  return `TO_VARCHAR(${date}, 'YYYY-MM-DD')`;
}
