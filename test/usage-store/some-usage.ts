/** Random small usage, as the store's tables hold it; and how it gets there. */
import fc from 'fast-check';
import type { ClickHouseServer } from '../engines/clickhouse.ts';

export interface StoredEvent {
  /** Microseconds since 1970. */
  readonly at: bigint;
  readonly user_id: string;
  readonly api_key_id: string;
  readonly model_id: string;
  readonly deployment: string;
  readonly source: string;
  readonly assistant_id: string;
  readonly project_id: string;
  readonly conversation_id: string;
  readonly action: string;
  readonly bring_your_keys: boolean;
  readonly cached_prompt_tokens: number;
  readonly cache_creation_tokens: number;
  readonly no_cache_tokens: number;
  readonly completion_tokens: number;
  /** Billionths of a US dollar. */
  readonly cost: bigint;
}

/** What an id stands for; an id that is in events alone has none. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

export interface SomeUser {
  readonly email: string;
  readonly role: string;
  readonly department: string | null;
  readonly company_name: string | null;
  readonly license_type: string | null;
  readonly joined_at: string | null;
  /** Decimals with nine digits. */
  readonly payg_limit: string | null;
  readonly payg_utilization_pct: string | null;
}

export interface Owned {
  readonly owner_id: string | null;
}

export interface SomeUsage {
  readonly events: readonly StoredEvent[];
  readonly users: readonly (Named & SomeUser)[];
  readonly assistants: readonly (Named &
    Owned & { readonly description: string | null; readonly url: string | null })[];
  readonly projects: readonly (Named & Owned)[];
  readonly apiKeys: readonly Named[];
  readonly models: readonly (Named & { readonly provider: string })[];
}

const text = fc.constantFrom('Ada', 'Zoë "Z" O\'Neil', 'two\nlines', '🐙 squid', 'a,b;c', '\\back\\', 'x\ty', '');
const ids = (letter: string) => [1, 2, 3].map((n) => `${letter}${n}`);
const maybe = (letter: string) => fc.constantFrom('', '', '', ...ids(letter));
const count = fc.integer({ min: 0, max: 4_000_000_000 });

/** Usage whose events are at `instants`, each of them any number of times. */
export function someUsage(instants: readonly bigint[]): fc.Arbitrary<SomeUsage> {
  const event = fc.record({
    at: fc.constantFrom(...instants),
    user_id: fc.constantFrom('', ...ids('u'), ...ids('u')),
    api_key_id: maybe('k'),
    model_id: fc.constantFrom(...ids('m')),
    deployment: fc.constantFrom('', 'eu', 'us'),
    source: fc.constantFrom('WEB', 'MOBILE', 'API', 'SLACK', 'TEAMS'),
    assistant_id: maybe('a'),
    project_id: maybe('p'),
    conversation_id: maybe('c'),
    action: fc.constantFrom('', 'web_search', 'say "hi"'),
    bring_your_keys: fc.boolean(),
    cached_prompt_tokens: count,
    cache_creation_tokens: count,
    no_cache_tokens: count,
    completion_tokens: count,
    cost: fc.bigInt({ min: 0n, max: 999_999_999_999n }),
  });
  const some = <T>(letter: string, more: Record<string, fc.Arbitrary<unknown>>) =>
    fc
      .subarray(ids(letter))
      .chain((chosen) =>
        fc.tuple(...chosen.map((id) => fc.record({ id: fc.constant(id), name: text, ...more }))),
      ) as fc.Arbitrary<T[]>;
  const owner = { owner_id: fc.constantFrom(null, 'u1', 'u9') };
  const amount = fc.option(fc.bigInt({ min: 0n, max: 10n ** 20n }).map(dollars));
  return fc.record({
    events: fc.array(event, { maxLength: 60, size: 'max' }),
    users: some('u', {
      email: text,
      role: fc.constantFrom('member', 'editor', 'admin'),
      department: fc.option(text),
      company_name: fc.option(text),
      license_type: fc.option(text),
      joined_at: fc.constantFrom(null, '1970-01-01', '2024-02-29', '2026-11-23'),
      payg_limit: amount,
      payg_utilization_pct: amount,
    }),
    assistants: some('a', { ...owner, description: fc.option(text), url: fc.option(text) }),
    projects: some('p', owner),
    apiKeys: some('k', {}),
    // Two models may have one name: then they are one to every report.
    models: some('m', { name: fc.constantFrom('fast', 'clever'), provider: fc.constantFrom('here', 'there') }),
  });
}

export interface Workspace {
  readonly org: string;
  readonly userLevelData: boolean;
  readonly leaderboards: boolean;
  readonly byok: boolean;
}

/** Writes the usage of a workspace that the store has not seen yet. */
export async function store(server: ClickHouseServer, workspace: Workspace, usage: SomeUsage): Promise<void> {
  const { org, userLevelData, leaderboards, byok } = workspace;
  const insert = async (table: string, rows: readonly object[]) => {
    if (rows.length === 0) return;
    const lines = rows.map((row) => JSON.stringify({ org_id: org, ...row }));
    await server.query(`INSERT INTO ${table} FORMAT JSONEachRow\n${lines.join('\n')}`);
  };
  const dimension = async (table: string, idColumn: string, all: readonly Named[]) => {
    const rows = all.map(({ id, ...facts }) => ({ [idColumn]: id, ...facts }));
    await insert(table, rows);
    // What was said of it earlier, though it comes later, holds no more.
    await insert(
      table,
      rows.map((row) => ({ ...row, name: 'of old', changed_at: '2020-01-01 00:00:00' })),
    );
  };
  await Promise.all([
    insert('workspaces', [{ name: org, user_level_data: userLevelData, leaderboards, byok }]),
    dimension('users', 'user_id', usage.users),
    dimension('assistants', 'assistant_id', usage.assistants),
    dimension('projects', 'project_id', usage.projects),
    dimension('api_keys', 'api_key_id', usage.apiKeys),
    dimension('models', 'model_id', usage.models),
    insert(
      'usage_events',
      usage.events.map(({ at, cost, ...event }) => ({
        ...event,
        ts: `${at / 1_000_000n}.${micros(at)}`,
        cost_usd: dollars(cost),
      })),
    ),
  ]);
}

function micros(at: bigint): string {
  return String(((at % 1_000_000n) + 1_000_000n) % 1_000_000n).padStart(6, '0');
}

/** Billionths as a decimal with nine digits. */
export function dollars(billionths: bigint): string {
  const digits = String(billionths).padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
