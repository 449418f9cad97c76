/**
 * `npm run build`: src → dist. Whatever is not TypeScript (.sql, .css, …) is copied beside it, where
 * `new URL('./x.sql', import.meta.url)` finds it.
 * `--if-dev`, as `prepare` calls it: an install without the development parts has no compiler and keeps the dist it came with.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const compiler = at('node_modules/typescript/bin/tsc');

if (!existsSync(compiler) && process.argv.includes('--if-dev')) {
  process.stdout.write('exportd: typescript is not installed, so dist/ was not built\n');
} else {
  rmSync(at('dist'), { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler, '-p', at('tsconfig.build.json')], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  cpSync(at('src'), at('dist'), {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || !path.endsWith('.ts'),
  });
  chmodSync(at('dist/main.js'), 0o755);
}
