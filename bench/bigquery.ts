import { startBigQuery } from '../test/engines/bigquery.ts';
import { benchWarehouse } from './warehouse.ts';

export async function benchBigQuery(exportd: readonly string[], url: string, rounds: number): Promise<unknown> {
  await using emulator = await startBigQuery();
  const place = async (round: number) => {
    const dataset = `bench_${round}`;
    await fetch(`${emulator.url}/bigquery/v2/projects/test/datasets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ datasetReference: { projectId: 'test', datasetId: dataset } }),
    });
    return {
      destination: `{ type: bigquery, project: test, dataset: ${dataset}, endpoint: "${emulator.url}" }`,
      words: [emulator.url, dataset],
    };
  };
  return await benchWarehouse({ name: 'bigquery', place }, exportd, url, rounds);
}
