import { ClickHouseUnavailable, installClickHouse } from './clickhouse/install.ts';

/** Before any test: the engines. Where there is none for this machine, only the tests that need one fail, and say why. */
export default async function installFirst(): Promise<void> {
  try {
    await installClickHouse();
  } catch (error) {
    if (!(error instanceof ClickHouseUnavailable)) throw error;
    console.error(error.message);
  }
}
