/**
 * `npm run build`: src → dist, as a bundle: a command loads a handful of files where src and its libraries are hundreds
 * (decision 9). Whatever is not TypeScript (.sql, .css, …) is copied to its place beside the bundle.
 * `--if-dev`, as `prepare` calls it: an install without the development parts has no bundler and keeps the dist it came with.
 * `--for-tests`: into .built/, which is not emptied, so that test runs side by side do not take it from each other.
 */
import { chmodSync, cpSync, existsSync, globSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Left in node_modules: native code, and the libraries of servers, which start workers or read files of their own. */
const EXTERNAL = [
  '@duckdb/node-bindings',
  '@fastify/swagger',
  '@google-cloud/bigquery',
  'fastify',
  'google-auth-library',
  'node-cron',
  'pino',
  'prom-client',
  'snowflake-sdk',
];

const forTests = process.argv.includes('--for-tests');
const out = forTests ? '.built' : 'dist';

if (!existsSync(at('node_modules/rolldown')) && process.argv.includes('--if-dev')) {
  process.stdout.write('exportd: the bundler is not installed, so dist/ was not built\n');
} else {
  const { rolldown } = await import('rolldown');
  await using bundle = await rolldown({
    input: at('src/main.ts'),
    platform: 'node',
    external: EXTERNAL,
    plugins: [{ name: 'own-url', transform: (code, id) => withOwnUrl(code, id) }],
  });
  if (!forTests) rmSync(at(out), { recursive: true, force: true });
  await bundle.write({ dir: at(out), chunkFileNames: '[name]-[hash].js', sourcemap: true });
  for (const path of globSync('**/*.*', { cwd: at('src'), exclude: ['**/*.ts'] }))
    cpSync(at(`src/${path}`), at(`${out}/${path}`));
  chmodSync(at(`${out}/main.js`), 0o755);
}

/** A module of ours finds the files beside it where they lie in src, although its bundle lies at the top of dist. */
function withOwnUrl(code: string, id: string) {
  const path = relative(at('src'), id);
  if (path.startsWith('..') || !code.includes('import.meta.url')) return undefined;
  const own = `new URL(${JSON.stringify(`./${path}`)}, import.meta.url).href`;
  // The lines stay where they are, and so does what the source map says of them.
  return { code: code.replaceAll('import.meta.url', own), map: null };
}
