/** The reports, reckoned once more in plain TypeScript: no SQL, no line shared with src/usage-store. */
import type { Report } from '../../src/core/words.ts';
import { dollars, type Named, type SomeUsage, type StoredEvent } from './some-usage.ts';

export type Reckoned = Readonly<Record<string, unknown>>;

/** Every column of the contract, of the events that `counts` lets through; rows in no order. */
export function reckon({ dataType, groupBy }: Report, usage: SomeUsage, counts: (event: StoredEvent) => boolean) {
  const events = usage.events.filter(counts);
  const modelName = (event: StoredEvent) => named(usage.models, event.model_id)?.name ?? event.model_id;
  const part = (event: StoredEvent): Reckoned => {
    switch (groupBy) {
      case undefined:
        return {};
      case 'model':
        return { model: modelName(event) };
      case 'source':
        return { source: event.source };
      case 'deployment':
        return { deployment: event.deployment };
    }
  };
  const rowsBy = (id: 'user_id' | 'assistant_id' | 'api_key_id' | 'project_id') =>
    groups(
      events.filter((event) => event[id] !== ''),
      (event) => ({ ...part(event), [id]: event[id] }),
    );
  switch (dataType) {
    case 'users':
      return ranked(
        rowsBy('user_id').map(([key, own]) => ({ ...key, ...userRow(usage, String(key.user_id), own, modelName) })),
      );
    case 'agents':
      return rowsBy('assistant_id').map(([key, own]) => ({
        ...key,
        ...agentRow(usage, String(key.assistant_id), own),
      }));
    case 'api-keys':
      return rowsBy('api_key_id').map(([key, own]) => ({
        ...key,
        api_key_name: named(usage.apiKeys, String(key.api_key_id))?.name ?? null,
        requests: own.length,
        total_cost_usd: cost(own),
        ...tokens(own),
        cached_prompt_tokens: sum(own, 'cached_prompt_tokens'),
        cache_creation_tokens: sum(own, 'cache_creation_tokens'),
        no_cache_tokens: sum(own, 'no_cache_tokens'),
      }));
    case 'projects':
      return rowsBy('project_id').map(([key, own]) => {
        const project = named(usage.projects, String(key.project_id));
        return {
          ...key,
          project_name: project?.name ?? null,
          project_owner_id: project?.owner_id ?? null,
          project_owner_email: named(usage.users, project?.owner_id ?? '')?.email ?? null,
          messages: own.length,
        };
      });
    case 'models':
      return groups(events, (event) => ({
        ...part(event),
        name: modelName(event),
        provider: named(usage.models, event.model_id)?.provider ?? null,
        bring_your_keys: event.bring_your_keys,
      })).map(([key, own]) => ({
        ...key,
        requests: own.length,
        ...tokens(own),
        sum_cached_prompt_tokens: sum(own, 'cached_prompt_tokens'),
        sum_cache_creation_tokens: sum(own, 'cache_creation_tokens'),
        no_cache_tokens: sum(own, 'no_cache_tokens'),
        total_cost_usd: cost(own),
      }));
  }
}

function userRow(usage: SomeUsage, id: string, own: readonly StoredEvent[], modelName: (event: StoredEvent) => string) {
  const user = named(usage.users, id);
  const toAgents = own.filter((event) => event.assistant_id !== '');
  const inProjects = own.filter((event) => event.project_id !== '');
  const acting = own.filter((event) => event.action !== '');
  return {
    name: user?.name ?? null,
    email: user?.email ?? null,
    role: user?.role ?? null,
    department: user?.department ?? null,
    company_name: user?.company_name ?? null,
    license_type: user?.license_type ?? null,
    joined_at: user?.joined_at ?? null,
    payg_limit_current: user?.payg_limit ?? null,
    payg_utilization_pct_current: user?.payg_utilization_pct ?? null,
    payg_consumption_in_period: cost(own),
    messages_total: own.length,
    messages_chat: own.filter((event) => event.assistant_id === '' && event.project_id === '').length,
    messages_assistants: toAgents.length,
    messages_projects: inProjects.length,
    assistants_messaged: new Set(toAgents.map((event) => event.assistant_id)).size,
    projects_messaged: new Set(inProjects.map((event) => event.project_id)).size,
    action_messages: acting.length,
    action_messaged: new Set(acting.map((event) => event.action)).size,
    assistants_to_messages: tally(toAgents.map((event) => event.assistant_id)),
    projects_to_messages: tally(inProjects.map((event) => event.project_id)),
    model_to_messages_total: tally(own.map(modelName)),
    action_to_messages: tally(acting.map((event) => event.action)),
  };
}

function agentRow(usage: SomeUsage, id: string, own: readonly StoredEvent[]) {
  const agent = named(usage.assistants, id);
  const people = new Set(own.map((event) => event.user_id).filter((user) => user !== '')).size;
  const { sum_prompt_tokens: prompt, sum_completion_tokens: completion } = tokens(own);
  return {
    assistant_name: agent?.name ?? null,
    messages: own.length,
    unique_users: people,
    active_users: people,
    conversations: new Set(own.map((event) => event.conversation_id).filter((talk) => talk !== '')).size,
    messages_per_user: people === 0 ? null : own.length / people,
    assistant_description: agent?.description ?? null,
    assistant_url: agent?.url ?? null,
    assistant_owner_id: agent?.owner_id ?? null,
    assistant_owner_email: named(usage.users, agent?.owner_id ?? '')?.email ?? null,
    sum_prompt_tokens: prompt,
    sum_completion_tokens: completion,
    avg_prompt_tokens: prompt / own.length,
    avg_completion_tokens: completion / own.length,
  };
}

/** A row's rank is one more than the rows of its model that have more. */
function ranked(rows: readonly (Reckoned & { readonly model?: unknown })[]): Reckoned[] {
  const rank = (row: Reckoned, column: string) =>
    1 + rows.filter((other) => other.model === row.model && Number(other[column]) > Number(row[column])).length;
  return rows.map((row) => ({
    ...row,
    messages_total_rank: rank(row, 'messages_total'),
    messages_chat_rank: rank(row, 'messages_chat'),
    messages_assistants_rank: rank(row, 'messages_assistants'),
    messages_projects_rank: rank(row, 'messages_projects'),
  }));
}

function groups(events: readonly StoredEvent[], keyOf: (event: StoredEvent) => Reckoned): [Reckoned, StoredEvent[]][] {
  const byKey = Map.groupBy(events, (event) => JSON.stringify(keyOf(event)));
  return [...byKey].map(([key, own]) => [JSON.parse(key) as Reckoned, own]);
}

function named<T extends Named>(all: readonly T[], id: string): T | undefined {
  return all.find((one) => one.id === id);
}

type Count = 'cached_prompt_tokens' | 'cache_creation_tokens' | 'no_cache_tokens' | 'completion_tokens';

function sum(events: readonly StoredEvent[], column: Count): number {
  return events.reduce((total, event) => total + event[column], 0);
}

function tokens(own: readonly StoredEvent[]) {
  return {
    sum_prompt_tokens:
      sum(own, 'cached_prompt_tokens') + sum(own, 'cache_creation_tokens') + sum(own, 'no_cache_tokens'),
    sum_completion_tokens: sum(own, 'completion_tokens'),
  };
}

function cost(own: readonly StoredEvent[]): string {
  return dollars(own.reduce((total, event) => total + event.cost, 0n));
}

/** A JSON object name → count, its names in order. */
function tally(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
