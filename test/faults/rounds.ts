/** How often fault tests try, and by which dice. `EXPORTD_FAULTS=full` asks for the counts of reliability.md. */
export const full = process.env.EXPORTD_FAULTS === 'full';

/** Of a law, how many cases `npm test` looks at: a third of what is asked for in full. */
export function cases(count: number): number {
  return full ? count : Math.ceil(count / 3);
}

interface Dice {
  /** What EXPORTD_SEED takes to throw the same again. */
  readonly seed: number;
  /** In [0, 1). */
  throw(): number;
}

/** Mulberry32, from EXPORTD_SEED or a new seed. Whoever throws prints the seed. */
export function dice(): Dice {
  const seed = Number(process.env.EXPORTD_SEED ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  return {
    seed,
    throw() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
