import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** Runs one command line of exportd in the checkout, on this terminal; returns its exit code. A SIGTERM reaches it too. */
export async function exportd(words: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: ROOT,
    env: { ...direct(process.env), ...env },
    stdio: 'inherit',
  });
  const end = () => child.kill('SIGTERM');
  process.on('SIGTERM', end);
  try {
    const [code, signal] = await once(child, 'exit');
    if (typeof code === 'number') return code;
    throw new Error(`exportd ${words.join(' ')} was ended by ${signal}.`);
  } finally {
    process.off('SIGTERM', end);
  }
}

/** The environment without what would lead exportd away from the demo: another config, a proxy before loopback. */
export function direct(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { EXPORTD_CONFIG: _config, ...rest } = env;
  const noProxy = [env.NO_PROXY ?? env.no_proxy, '127.0.0.1'].filter(Boolean).join(',');
  return { ...rest, NO_PROXY: noProxy, no_proxy: noProxy };
}
