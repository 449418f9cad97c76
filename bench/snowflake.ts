import { startSnowflake } from '../test/engines/snowflake.ts';
import { enter } from '../test/snowflake/person.ts';
import { benchWarehouse } from './warehouse.ts';

export async function benchSnowflake(exportd: readonly string[], url: string, rounds: number): Promise<unknown> {
  await using emulator = await startSnowflake();
  const person = await enter({ account: 'test', accessUrl: emulator.url, username: 'person', password: 'none' });
  const place = async (round: number) => {
    const database = `bench_${round}`;
    await person.sql(`CREATE DATABASE ${database}`);
    await person.sql(`CREATE SCHEMA ${database}.s`);
    return {
      destination: `{ type: snowflake, account: test, url: "${emulator.url}", user: exportd, password: none, database: ${database}, schema: s }`,
      words: [emulator.url, database],
    };
  };
  const figures = await benchWarehouse({ name: 'snowflake', place }, exportd, url, rounds);
  person.leave();
  return figures;
}
