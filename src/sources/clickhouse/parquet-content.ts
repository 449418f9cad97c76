import { open } from 'node:fs/promises';

/** What every whole Parquet file begins and ends with. */
const MAGIC = Buffer.from('PAR1');
/** Before the last magic stands the footer, and its length in four bytes. */
const END = 4 + MAGIC.length;

/**
 * What a file holds by its outer form: an exception in its place, or a cut, is `torn`; a footer and nothing before it is
 * `nothing`, a table without rows. Whether `something` can be read shows when it is staged.
 */
export async function parquetContent(path: string): Promise<'torn' | 'nothing' | 'something'> {
  await using file = await open(path);
  const { size } = await file.stat();
  if (size < MAGIC.length + END) return 'torn';
  const start = Buffer.alloc(MAGIC.length);
  const end = Buffer.alloc(END);
  await file.read(start, 0, start.length, 0);
  await file.read(end, 0, end.length, size - end.length);
  if (!start.equals(MAGIC) || !end.subarray(4).equals(MAGIC)) return 'torn';
  const before = size - MAGIC.length - END - end.readUInt32LE(0);
  if (before < 0) return 'torn';
  return before === 0 ? 'nothing' : 'something';
}
