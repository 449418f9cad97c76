import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { hashOf, newKey, SCOPE } from '../src/usage-api/keys.ts';
import { direct, MAIN } from './exportd.ts';
import type { EmptyStore } from './store/open.ts';

/** `exportd serve` over a store, until disposed of. */
export interface Api extends AsyncDisposable {
  readonly url: string;
  /** Of the workspace acme. */
  readonly key: string;
  readonly pid: number;
}

/** Starts it as a process of its own, with its config and its CSV files in a temporary folder. `more`: keys of `usage_api`. */
export async function openApi(store: EmptyStore, more: Readonly<Record<string, unknown>> = {}): Promise<Api> {
  const folder = await mkdtemp(join(tmpdir(), 'exportd-demo-'));
  const key = newKey();
  const config = {
    version: 1,
    usage_api: {
      listen: '127.0.0.1:0',
      clickhouse: { url: store.url, username: store.username, password: '${STORE_PASSWORD}', database: store.database },
      signing_key: randomBytes(32).toString('hex'),
      files_dir: './exports',
      keys: [{ name: 'demo', workspace: 'acme', hash: hashOf(key), scopes: [SCOPE] }],
      ...more,
    },
  };
  // JSON is YAML.
  await writeFile(join(folder, 'serve.yaml'), JSON.stringify(config), { mode: 0o600 });
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...direct(process.env), STORE_PASSWORD: store.password },
  });
  const ended = once(child, 'exit');
  const end = () => child.kill('SIGTERM');
  // However the demo ends.
  process.on('exit', end);
  const lines = createInterface({ input: child.stdout });
  const listening = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const { event, url } = JSON.parse(line) as { event: string; url?: string };
      if (event === 'listening' && url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([listening, ended.then(() => undefined)]);
  if (url === undefined) throw new Error('exportd serve ended before it listened.');
  return {
    url,
    key,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      end();
      await ended;
      process.off('exit', end);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
