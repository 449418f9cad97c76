import { isUtf8 } from 'node:buffer';

/** Whether bytes that come in chunks are UTF-8, a character cut by a chunk's end included. */
export class Utf8Check {
  /** The bytes so far of a character that a chunk cut in two. */
  #torn = Buffer.alloc(0);

  /** False: this is no UTF-8. What a last chunk leaves torn is for the reader to see: nothing ends within a character. */
  takes(chunk: Buffer): boolean {
    const bytes = this.#torn.length === 0 ? chunk : Buffer.concat([this.#torn, chunk]);
    const whole = bytes.length - tornLength(bytes);
    this.#torn = Buffer.from(bytes.subarray(whole));
    return isUtf8(bytes.subarray(0, whole));
  }
}

/** How many bytes at the end belong to a character that is not over. */
function tornLength(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}
