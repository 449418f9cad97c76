/** Bound by name on the server, as `{name:Type}`: no value is ever part of a statement. */
export type StoreParameters = Readonly<Record<string, string | number | bigint | boolean>>;

/** What the store's own statements need of a ClickHouse; whoever opens the connection provides it. */
export interface StoreClient {
  /** Runs a statement that answers with nothing. */
  command(sql: string, parameters?: StoreParameters): Promise<void>;
  /** All rows of a small answer, as JSON has them; 64-bit numbers come as text. */
  rows<T>(sql: string, parameters?: StoreParameters, signal?: AbortSignal): Promise<T[]>;
}
