import { Secret } from '../../src/core/secret.ts';
import { openExportApi } from '../../src/sources/export-api/index.ts';
import { createPace } from '../../src/sources/pace.ts';
import { sourceContract } from '../contract/source.ts';
import { exact, startUsageApi } from '../engines/usage-api.ts';

for (const format of ['csv', 'json'] as const) {
  // One more than a double can tell from its neighbours.
  sourceContract(`export_api in ${format}`, '9007199254740993', async (usage) => {
    const api = await startUsageApi({
      rows: ({ from }) =>
        usage[from.date.slice(0, 10)]?.map((row) => ({ ...row, messages_total: exact(row.messages_total) })),
    });
    return {
      open: ({ history, clock }) =>
        openExportApi({
          name: 'acme',
          baseUrl: api.url,
          apiKey: new Secret('k'),
          format,
          timeout: 10_000,
          history,
          strict: true,
          pace: createPace({ rate: undefined, concurrency: 8 }),
          clock,
          onSlowed: () => undefined,
        }),
      requests: () => api.requests.length,
      hang: () => void api.fault({ kind: 'hang', times: 'always' }),
      answer: () => api.liftFaults(),
      [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
    };
  });
}
