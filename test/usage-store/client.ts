import type { StoreClient } from '../../src/usage-store/client.ts';
import type { ClickHouseServer } from '../engines/clickhouse.ts';

/** The store's statements over the engine's own HTTP, without a client library between. */
export function storeClient(server: ClickHouseServer, database = 'default'): StoreClient {
  const plain = (parameters = {}) => parameters as Readonly<Record<string, string | number>>;
  return {
    async command(sql, parameters) {
      await server.query(sql, plain(parameters), database);
    },
    async rows<T>(sql: string, parameters = {}) {
      const answer = await server.query(`${sql} FORMAT JSONEachRow`, plain(parameters), database);
      return answer.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T]));
    },
  };
}
