import { readFileSync } from 'node:fs';

/** The package's version; src/ and dist/ lie equally deep. */
export const VERSION = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
