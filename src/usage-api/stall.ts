import type { ServerResponse } from 'node:http';

/** Ends a connection whose client takes nothing of its answer for so many milliseconds. */
export function breakOffWhereStalled(response: ServerResponse, after: number): void {
  response.setTimeout(after, () => response.destroy());
}
