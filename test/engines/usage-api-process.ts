/**
 * The API as its own process, for tests that kill exportd: `node test/engines/usage-api-process.ts [--port N]
 * [--rows N] [--rate N|none] [--history-months N|none] [--key K]`. Prints `{"url":…}` on stdout once it is ready;
 * ends when its stdin ends, so that it never outlives the test. Control: `POST /_control` with a Command.
 */
import { parseArgs } from 'node:util';
import { plainUsage } from './usage-api/plain-usage.ts';
import { type Fault, type SeenRequest, startUsageApi } from './usage-api.ts';

/** One or more of these in one JSON object; answered with the requests seen up to then. */
export interface Command {
  readonly liftFaults?: true;
  readonly fault?: Fault;
  /** Usage from now on. */
  readonly usage?: { readonly rows: number; readonly edition?: number };
  /** Forgets the requests seen. */
  readonly forget?: true;
}

export interface CommandAnswer {
  readonly requests: readonly SeenRequest[];
}

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    rows: { type: 'string', default: '20' },
    rate: { type: 'string', default: '500' },
    'history-months': { type: 'string', default: '12' },
    key: { type: 'string', default: 'k' },
  },
});
const numberOrNone = (text: string) => (text === 'none' ? null : Number(text));

let usage = plainUsage({ rows: Number(values.rows) });

await using api = await startUsageApi({
  port: Number(values.port),
  keys: { [values.key]: ['USAGE_EXPORT_API'] },
  rateLimit: numberOrNone(values.rate),
  historyMonths: numberOrNone(values['history-months']),
  rows: (request) => usage(request),
  control: (command) => obey(command as Command),
});
console.log(JSON.stringify({ url: api.url }));
await process.stdin.resume().toArray();

function obey(command: Command): CommandAnswer {
  const requests = [...api.requests];
  if (command.liftFaults) api.liftFaults();
  if (command.fault !== undefined) api.fault(command.fault);
  if (command.usage !== undefined) usage = plainUsage(command.usage);
  if (command.forget) api.requests.length = 0;
  return { requests };
}
