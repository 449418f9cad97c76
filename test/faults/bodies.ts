/** Exports of any size, told apart by their edition. */
import { randomBytes } from 'node:crypto';
import type { RawBody } from '../engines/usage-api/options.ts';

/** A body of so many rows, all of them of one edition, made once. */
export function edition(number: number, rows: number): RawBody {
  const lines = Array.from({ length: rows }, (_, n) => `u${n},User ${n},${number}\n`);
  return { bytes: `user_id,name,messages_total\n${lines.join('')}`, recordCount: rows };
}

/** As `edition`, and no compression makes it small: about 70 bytes a row. */
export function noise(number: number, rows: number): RawBody {
  const lines = Array.from({ length: rows }, (_, n) => `u${n},${randomBytes(32).toString('hex')},${number}\n`);
  return { bytes: `user_id,name,messages_total\n${lines.join('')}`, recordCount: rows };
}
