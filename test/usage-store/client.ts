import type { StoreClient } from '../../src/usage-store/client.ts';
import type { ClickHouseServer } from '../engines/clickhouse.ts';

/** The store's statements over the engine's own HTTP, without a client library between. */
export function storeClient(server: ClickHouseServer): StoreClient {
  const plain = (parameters = {}) => parameters as Readonly<Record<string, string | number>>;
  return {
    async command(sql, parameters) {
      await server.query(sql, plain(parameters));
    },
    async rows<T>(sql: string, parameters = {}) {
      const answer = await server.query(`${sql} FORMAT JSONEachRow`, plain(parameters));
      return answer.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T]));
    },
  };
}
