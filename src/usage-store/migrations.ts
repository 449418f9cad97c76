/**
 * The store's tables, version by version. A migration is a file of statements that may each run again: ClickHouse has no
 * transaction around them, so one that was killed half-way is run again from its start, and only then written down.
 */
import { readFileSync } from 'node:fs';
import { ExportdError } from '../core/errors.ts';
import type { StoreClient } from './client.ts';

export interface Migration {
  /** Of the store once it is done. Later ones follow in the list, with greater versions. */
  readonly version: number;
  readonly file: URL;
}

export const MIGRATIONS: readonly Migration[] = [{ version: 1, file: new URL('./schema.sql', import.meta.url) }];

/** What this version of exportd reads. */
export const STORE_VERSION = newest(MIGRATIONS);

const VERSIONS = 'store_versions';

export interface Initialised {
  /** 0: there was no store. */
  readonly from: number;
  readonly to: number;
}

/** Makes the store's tables, or brings them up to this version. Safe to repeat, and to run in two processes at once. */
export async function initStore(client: StoreClient, migrations = MIGRATIONS): Promise<Initialised> {
  await client.command(
    `CREATE TABLE IF NOT EXISTS ${VERSIONS} (version UInt32, at DateTime64(6, 'UTC') DEFAULT now64(6))
     ENGINE = MergeTree ORDER BY version`,
  );
  const from = await storeVersion(client);
  for (const { version, file } of migrations) {
    if (version <= from) continue;
    for (const statement of statementsOf(file)) await client.command(statement);
    await client.command(`INSERT INTO ${VERSIONS} (version) VALUES ({version:UInt32})`, { version });
  }
  return { from, to: Math.max(from, newest(migrations)) };
}

/** A store's version only grows: what was seen of a client's store needs no second question before every report. */
const seen = new WeakMap<StoreClient, number>();

/** Throws STORE_OUTDATED (source) where the store is none, or older than this version reads. A newer one is taken. */
export async function requireVersion(client: StoreClient, signal?: AbortSignal, wanted = STORE_VERSION): Promise<void> {
  if ((seen.get(client) ?? 0) >= wanted) return;
  const version = await storeVersion(client, signal);
  seen.set(client, version);
  if (version >= wanted) return;
  const is = version === 0 ? 'has no tables of a usage store' : `is of version ${version}`;
  throw new ExportdError('STORE_OUTDATED', `the ClickHouse database ${is}; this exportd reads version ${wanted}`, {
    scope: 'source',
    hint: 'run exportd store init, as a user who may create tables; or check url and database',
  });
}

async function storeVersion(client: StoreClient, signal?: AbortSignal): Promise<number> {
  const [there] = await client.rows<{ there: number }>(`EXISTS TABLE ${VERSIONS}`, {}, signal);
  if (there === undefined || Object.values(there)[0] !== 1) return 0;
  const [row] = await client.rows<{ version: number }>(`SELECT max(version) AS version FROM ${VERSIONS}`, {}, signal);
  return row?.version ?? 0;
}

function newest(migrations: readonly Migration[]): number {
  return Math.max(...migrations.map(({ version }) => version));
}

/** The statements of a file: each ends with a semicolon at the end of a line. */
function statementsOf(file: URL): string[] {
  const text = readFileSync(file, 'utf8');
  return text.split(/;[ \t]*$/m).filter((statement) => statement.replace(/^\s*--.*$/gm, '').trim() !== '');
}
