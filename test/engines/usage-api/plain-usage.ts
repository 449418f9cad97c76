import { createHash } from 'node:crypto';
import type { DataType } from '../../../src/core/words.ts';
import type { ExportRequest } from './export-request.ts';
import type { Row } from './rows.ts';

/**
 * Usage without a story, for tests that only count: `rows` rows for every period, each value a function of the
 * period, the row's number and `edition`. Another edition is a restatement of everything.
 */
export function plainUsage({ rows, edition = 0 }: { rows: number; edition?: number }) {
  return (request: ExportRequest): Row[] | undefined => {
    if (rows === 0) return undefined;
    const seed = createHash('sha256')
      .update(`${request.dataType}/${request.groupBy}/${request.start}/${edition}`)
      .digest();
    const first = seed.readUInt32LE(0);
    return Array.from({ length: rows }, (_, n) => {
      const id = String(n).padStart(6, '0');
      const model = request.groupBy === 'model' ? { model: `model-${n % 3}` } : {};
      return { ...model, ...OWN[request.dataType](id, (first + n * 7919) % 1_000_003) };
    });
  };
}

const OWN: Readonly<Record<DataType, (id: string, value: number) => Row>> = {
  users: (id, value) => ({ user_id: `u${id}`, name: `User ${id}`, email: `u${id}@example.com`, messages_total: value }),
  agents: (id, value) => ({ assistant_id: `a${id}`, assistant_name: `Agent ${id}`, messages: value }),
  'api-keys': (id, value) => ({ api_key_id: `k${id}`, api_key_name: `Key ${id}`, requests: value }),
  projects: (id, value) => ({ project_id: `p${id}`, project_name: `Project ${id}`, messages: value }),
  models: (id, value) => ({ name: `model-${id}`, provider: 'acme', bring_your_keys: false, requests: value }),
};
