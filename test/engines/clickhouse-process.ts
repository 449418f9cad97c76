/**
 * ClickHouse as a process: `node test/engines/clickhouse-process.ts FOLDER PORT CONFIG.xml [TEMPORARY]`. The engine is the
 * real one, as a library, with its own HTTP handler. Ends at once when its stdin ends, so that it never outlives who started
 * it, however that ended; a temporary folder goes with it.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';

/** What is used of the package ffi-rs, which the main tree does not have. */
interface ForeignFunctions {
  readonly DataType: {
    readonly I32: number;
    readonly StringArray: number;
    readonly String: number;
    readonly External: number;
  };
  open(library: { library: string; path: string }): void;
  load(call: ForeignCall & { readonly runInNewThread: true }): Promise<unknown>;
  load(call: ForeignCall): unknown;
}

interface ForeignCall {
  readonly library: string;
  readonly funcName: string;
  readonly retType: number;
  readonly paramsType: readonly number[];
  readonly paramsValue: readonly unknown[];
}

const [folder = '', port = '', config = '', temporary] = process.argv.slice(2);
process.stdin.on('end', end).resume();

// The engine says after five seconds that its port is taken; this says it at once.
const probe = createServer();
probe.once('error', (error) => {
  process.stderr.write(`${error.message}\n`, () => process.exit(1));
});
await once(probe.listen(Number(port), '127.0.0.1'), 'listening');
await once(probe.close(), 'close');

const require = createRequire(import.meta.url);
const { DataType, load, open }: ForeignFunctions = require('ffi-rs');
open({ library: 'chdb', path: require.resolve('@chdb/lib-linux-x64-gnu/libchdb.so') });

const words = [
  'clickhouse',
  `--config-file=${config}`,
  `--path=${folder}`,
  '--listen_host=127.0.0.1',
  `--http_port=${port}`,
  '--multiquery',
  // The engine lives as long as its last statement runs.
  '--query=SYSTEM START LISTEN HTTP; SELECT sleepEachRow(3) FROM system.numbers FORMAT Null SETTINGS max_block_size = 1, max_threads = 1',
];
const result = await load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [words.length, words],
  runInNewThread: true,
});
const error = load({
  library: 'chdb',
  funcName: 'chdb_result_error',
  retType: DataType.String,
  paramsType: [DataType.External],
  paramsValue: [result],
});
process.stderr.write(`${error}\n`, () => process.kill(process.pid, 'SIGKILL'));

function end(): void {
  try {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}
