/** What a person does with Snowflake's own driver. */
import driver from 'snowflake-sdk';

export type Rows = Readonly<Record<string, unknown>>[];

export interface Person {
  /** Rows by their columns in lower case; dates and variants as texts. */
  sql(statement: string): Promise<Rows>;
  leave(): void;
}

export async function enter(options: driver.ConnectionOptions): Promise<Person> {
  driver.configure({ customLogger: { error() {}, warn() {}, info() {}, debug() {}, trace() {} } });
  const connection = driver.createConnection({
    ...options,
    fetchAsString: ['Date', 'JSON'],
    representNullAsStringNull: false,
  });
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  return {
    sql: (sqlText) =>
      new Promise((resolve, reject) => {
        connection.execute({
          sqlText,
          complete: (error, _, rows) => (error ? reject(error) : resolve((rows ?? []).map(inLowerCase))),
        });
      }),
    leave: () => connection.destroy(() => undefined),
  };
}

function inLowerCase(row: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value]));
}
