/**
 * `npm run build`: src → dist. Whatever is not TypeScript (.sql, .css, …) is copied beside it, where
 * `new URL('./x.sql', import.meta.url)` finds it.
 * `--if-dev`, as `prepare` calls it: an install without the development parts has no compiler and keeps the dist it came with.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const at = (path: string): string => fileURLToPath(new URL(path, root));
const compiler = at('node_modules/typescript/bin/tsc');

if (!existsSync(compiler) && process.argv.includes('--if-dev')) {
  console.log('exportd: typescript is not installed, so dist/ was not built');
} else {
  rmSync(at('dist'), { recursive: true, force: true });
  execFileSync(process.execPath, [compiler, '-p', at('tsconfig.build.json')], { stdio: 'inherit' });
  cpSync(at('src'), at('dist'), {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || !path.endsWith('.ts'),
  });
  chmodSync(at('dist/main.js'), 0o755);
}
