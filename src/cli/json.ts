type Fields = Readonly<Record<string, unknown>>;

/**
 * An object as JSON text, in pieces. Of its top-level fields, any iterable that is no text becomes a list, taken item
 * by item and one item a line: a plan of 2,000 jobs is never one string, and `head` and `grep` see whole items.
 */
export function* jsonDocument(fields: Fields): Generator<string> {
  let before = '{';
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(name)}:`;
    if (isList(value)) yield* jsonList(value);
    else yield JSON.stringify(value);
    before = ',';
  }
  yield before === '{' ? '{}\n' : '}\n';
}

function* jsonList(items: Iterable<unknown>): Generator<string> {
  let before = '[\n';
  for (const item of items) {
    yield before + JSON.stringify(item);
    before = ',\n';
  }
  yield before === '[\n' ? '[]' : '\n]';
}

function isList(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
