import { z } from 'zod';

/**
 * A value in which `${…}` stood, as it is handed to the schema: never YAML, whatever it holds. `text` is undefined where a
 * variable is unset; `whole` where the value is one `${…}` and nothing else.
 */
export class Interpolated {
  readonly text: string | undefined;
  readonly whole: boolean;

  constructor(text: string | undefined, whole: boolean) {
    this.text = text;
    this.whole = whole;
  }
}

/**
 * Lets a value come from a variable. A whole `${…}` is read as a number or as true/false where `standIn` is one. An unset
 * variable is answered with `standIn`, so that everything else can be checked without it; `Config.need` tells of it.
 */
export function given<S extends z.ZodType>(schema: S, standIn: string | number | boolean) {
  return z.preprocess((value) => (value instanceof Interpolated ? read(value, standIn) : value), schema);
}

/** Lists and maps never come from a variable: what a variable holds is text here, and refused as such. */
export function written<S extends z.ZodType>(schema: S) {
  return z.preprocess((value) => (value instanceof Interpolated ? (value.text ?? '') : value), schema);
}

function read({ text, whole }: Interpolated, standIn: string | number | boolean): unknown {
  if (text === undefined) return standIn;
  if (typeof standIn === 'number' && whole && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (typeof standIn === 'boolean' && whole && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
