/** Of some names, the one that a person most likely meant by `text`; undefined where none is close. */
export function nearest(text: string, names: Iterable<string>): string | undefined {
  const wanted = text.toLowerCase();
  // One slip in a short name, two or three in a long one: more is another name.
  let best = Math.min(3, Math.max(1, Math.floor(wanted.length / 4))) + 1;
  let found: string | undefined;
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) >= best) continue;
    const slips = distance(wanted, name.toLowerCase());
    if (slips >= best) continue;
    best = slips;
    found = name;
  }
  return found;
}

/** Letters added, left out, replaced, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
