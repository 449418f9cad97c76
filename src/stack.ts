/**
 * The calls that led to an error, innermost first, without its message: a driver's quotes what it was given, and
 * JSON.parse what it read.
 */
export function callsOf(thrown: unknown, most = 8): string[] {
  if (!(thrown instanceof Error)) return [];
  const lines = (thrown.stack ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith('at ')).slice(0, most);
}
