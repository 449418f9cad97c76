import { openApp } from '../app.ts';
import type { Config } from '../config/load.ts';
import { type CommandContext, type Exit, usageError } from './command.ts';
import { needSource, readConfig } from './jobs.ts';
import { list } from './phrases.ts';

/** `exportd store init`: the tables of the usage store that a `clickhouse` source reads. */
export async function storeInit(source: string | undefined, context: CommandContext): Promise<Exit> {
  const { clock, output } = context;
  const config = readConfig(context);
  const name = storeNamed(config, source);
  needSource(config, name);
  await using app = await openApp({ config, clock, emit: () => undefined, concurrency: undefined });
  const { from, to } = await app.initStore(name);
  if (output.format === 'json') await output.document({ source: name, from, to });
  else await output.print([sentence(name, from, to)]);
  return 0;
}

function sentence(name: string, from: number, to: number): string {
  if (from === 0) return `${name}: the tables of the usage store were made, version ${to}`;
  return from === to
    ? `${name}: the usage store is of version ${to} already; nothing was changed`
    : `${name}: the usage store was upgraded from version ${from} to ${to}`;
}

/** The source that is meant: the one that is named, or the only one of its kind. */
function storeNamed(config: Config, name: string | undefined): string {
  const stores = [...config.sources.values()].flatMap((source) => (source.type === 'clickhouse' ? [source.name] : []));
  if (name !== undefined && stores.includes(name)) return name;
  const [only] = stores;
  if (name === undefined && only !== undefined && stores.length === 1) return only;
  const known = stores.length === 0 ? 'the config has no source of type clickhouse' : `they are ${list(stores)}`;
  throw usageError(
    name === undefined ? 'say which usage store' : `there is no source ${JSON.stringify(name)} of type clickhouse`,
    known,
  );
}
