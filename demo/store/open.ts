import { type ClickHouse, openClickHouse } from '../../src/clickhouse/connect.ts';
import { Secret } from '../../src/core/secret.ts';
import { initStore } from '../../src/usage-store/migrations.ts';
import { startClickHouse } from '../../test/engines/clickhouse.ts';

/** A usage store with its tables and nothing in them. */
export interface EmptyStore extends AsyncDisposable {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  readonly client: ClickHouse;
  /** The server was there before, and its database stays when this is disposed of. */
  readonly stays: boolean;
}

/** In somebody's own server everything is in this database, which is made anew. */
const DATABASE = 'exportd_demo';
/** Milliseconds: filling ten million events is one statement. */
const TIMEOUT = 600_000;

/**
 * The real ClickHouse with an empty store: an engine from npm, which goes when this is disposed of; or, where
 * CLICKHOUSE_URL (and CLICKHOUSE_USER, CLICKHOUSE_PASSWORD) say so, a server that is there already.
 */
export async function openStore(port?: number): Promise<EmptyStore> {
  await using stack = new AsyncDisposableStack();
  const {
    CLICKHOUSE_URL: given,
    CLICKHOUSE_USER: username = 'default',
    CLICKHOUSE_PASSWORD: password = '',
  } = process.env;
  const url = given ?? stack.use(await startClickHouse(port === undefined ? {} : { port })).url;
  const common = { url, username, password: new Secret(password), jwt: undefined, settings: {}, timeout: TIMEOUT };
  {
    await using server = openClickHouse({ ...common, database: 'default' });
    await server.command(`DROP DATABASE IF EXISTS ${DATABASE} SYNC`);
    await server.command(`CREATE DATABASE ${DATABASE}`);
  }
  const client = stack.use(openClickHouse({ ...common, database: DATABASE }));
  await initStore(client);
  const open = stack.move();
  return {
    url,
    username,
    password,
    database: DATABASE,
    client,
    stays: given !== undefined,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
