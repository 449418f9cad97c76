import { gzipSync } from 'node:zlib';
import type { Fault } from './faults.ts';

/** The body that is sent where a fault changes its bytes. */
export function spoil(fault: Fault | undefined, bytes: Buffer, format: 'csv' | 'json'): Buffer {
  switch (fault?.kind) {
    case 'cut-at-record':
      return bytes.subarray(0, recordEnd(bytes, format));
    case 'cut-in-record':
      return bytes.subarray(0, recordEnd(bytes, format) + 2);
    case 'longer':
      return format === 'csv' ? withOneMore(bytes, format) : bytes;
    case 'gzip':
      return gzipSync(bytes);
    case 'gzip-cut':
      return gzipSync(bytes).subarray(0, -(fault.bytes ?? 10));
    default:
      return bytes;
  }
}

/** `data` with one record more: the last CSV record twice, a last JSON row without columns. */
export function withOneMore(data: Buffer, format: 'csv' | 'json'): Buffer {
  if (format === 'csv') return Buffer.concat([data, data.subarray(lastRecordStart(data))]);
  const end = data.lastIndexOf(']');
  const empty = data.subarray(0, end).toString().trim() === '[';
  return Buffer.concat([data.subarray(0, end), Buffer.from(empty ? '{}]' : ',{}]')]);
}

/** The end of the last record that ends within the first half. */
function recordEnd(bytes: Buffer, format: 'csv' | 'json'): number {
  const half = Math.floor(bytes.length / 2);
  if (format === 'json') return bytes.lastIndexOf('},', half) + 1;
  return csvRecordEnds(bytes.subarray(0, half)).at(-1) ?? 0;
}

function lastRecordStart(csv: Buffer): number {
  return csvRecordEnds(csv).findLast((end) => end < csv.length) ?? 0;
}

/** Where records end: line ends outside quotes. */
function csvRecordEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  let inQuotes = false;
  for (const [at, byte] of bytes.entries()) {
    if (byte === 0x22) inQuotes = !inQuotes;
    else if (byte === 0x0a && !inQuotes) ends.push(at + 1);
  }
  return ends;
}
