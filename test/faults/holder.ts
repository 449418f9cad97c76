/** Another program that has the DuckDB file open. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

interface Holder extends AsyncDisposable {
  readonly pid: number;
  /** Lets go of the file. */
  release(): Promise<void>;
}

const PROGRAM = `
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const [path, mode] = process.argv.slice(1);
  const instance = await DuckDBInstance.create(path, { access_mode: mode });
  const connection = await instance.connect();
  await connection.run('SELECT 1');
  console.log('open');
  await process.stdin.resume().toArray();
  instance.closeSync();
`;

/** Holds the file as soon as this returns. */
export async function hold(path: string, mode: 'READ_WRITE' | 'READ_ONLY'): Promise<Holder> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, path, mode], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const release = async () => {
    child.stdin.end();
    await ended;
  };
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => Promise.reject(new Error('the holder could not open the file'))),
  ]);
  return { pid: child.pid ?? 0, release, [Symbol.asyncDispose]: release };
}
