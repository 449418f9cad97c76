/** A piece of a value: text as it is, a variable, or a file. `at` is the index of its `${` in the value. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string; readonly fallback: string | undefined; readonly at: number }
  | { readonly kind: 'file'; readonly path: string; readonly at: number };

/** What is wrong with a `${`, and where in the value. */
export interface Fault {
  readonly at: number;
  readonly message: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * `${NAME}`, `${NAME:-default}` and `${file:/path}`; `$${` is a literal `${`; any other `$` is itself. One pass: what a
 * variable or a default brings is never looked at again.
 */
export function references(value: string): { readonly pieces: readonly Piece[]; readonly faults: readonly Fault[] } {
  const pieces: Piece[] = [];
  const faults: Fault[] = [];
  let text = '';
  let from = 0;
  for (let at = value.indexOf('${'); at !== -1; at = value.indexOf('${', from)) {
    if (at > from && value[at - 1] === '$') {
      text += `${value.slice(from, at - 1)}\${`;
      from = at + 2;
      continue;
    }
    text += value.slice(from, at);
    const close = value.indexOf('}', at);
    if (close === -1) {
      faults.push({ at, message: '${ without its }: close it, or write $${ for a literal ${' });
      return { pieces, faults };
    }
    const found = reference(value.slice(at + 2, close), at);
    if ('message' in found) faults.push(found);
    else {
      if (text !== '') pieces.push({ kind: 'text', text });
      text = '';
      pieces.push(found);
    }
    from = close + 1;
  }
  text += value.slice(from);
  if (text !== '') pieces.push({ kind: 'text', text });
  return { pieces, faults };
}

function reference(inside: string, at: number): Piece | Fault {
  if (inside.startsWith('file:')) {
    const path = inside.slice('file:'.length);
    if (path === '') return { at, message: '${file:} names no file: write ${file:/run/secrets/name}' };
    if (path.includes('${')) return { at, message: '${…} do not nest' };
    return { kind: 'file', path, at };
  }
  const dash = inside.indexOf(':-');
  const name = dash === -1 ? inside : inside.slice(0, dash);
  if (!NAME.test(name)) {
    return { at, message: 'this is no ${NAME}, ${NAME:-default} or ${file:/path}; write $${ for a literal ${' };
  }
  const fallback = dash === -1 ? undefined : inside.slice(dash + 2);
  if (fallback?.includes('${')) return { at, message: '${…} do not nest: a default is plain text' };
  return { kind: 'variable', name, fallback, at };
}

/** Variables and files come with a line end that is not meant, and sometimes a byte order mark. */
export function trimmed(text: string): string {
  return text.replace(/^\uFEFF/, '').replace(/[\r\n]+$/, '');
}
