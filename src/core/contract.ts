import type { ColumnKind, ColumnType, ContractColumn, DataType, GroupBy, Report } from './words.ts';

/**
 * The Usage Export API's data types, groupings and columns (contract/usage-export-api.md).
 * A new data type is one entry here and one .sql report.
 *
 * The version is part of every body digest: raise it whenever a change here would land the same body differently.
 */
export const CONTRACT_VERSION = '1';

/** `assistants` is the API's other name for `agents`; keys and ledger say `agents`. */
export const DATA_TYPES: readonly DataType[] = ['users', 'agents', 'api-keys', 'projects', 'models'];

/** Supported groupings; `deployment` only in workspaces that bring their own keys. */
export const GROUPINGS: Readonly<Record<DataType, readonly GroupBy[]>> = {
  users: ['model'],
  agents: ['model'],
  'api-keys': ['model'],
  projects: [],
  models: ['source', 'deployment'],
};

type Marks = { readonly personal?: boolean; readonly byok?: boolean };

function columns(
  kind: ColumnKind,
  type: ColumnType,
  described: Readonly<Record<string, string>>,
  marks: Marks = {},
): ContractColumn[] {
  return Object.entries(described).map(([name, description]) => ({
    name,
    type,
    kind,
    personal: marks.personal ?? false,
    byok: marks.byok ?? false,
    description,
  }));
}

const personal = { personal: true };
const byok = { byok: true };

const EVERY_EXPORT: readonly ContractColumn[] = [
  ...columns('key', 'date', {
    period_start: 'UTC date of the requested lower bound; use _period_date',
    period_end: 'UTC date of the requested upper bound; use _period_date',
  }),
  ...columns('key', 'string', { org_id: 'Workspace' }),
];

const OWN: Readonly<Record<DataType, readonly ContractColumn[]>> = {
  users: [
    ...columns('key', 'string', { user_id: 'User' }, personal),
    ...columns(
      'now',
      'string',
      {
        name: 'Name, at export time',
        email: 'E-mail address, at export time',
        role: 'member, editor or admin, at export time',
        department: 'Department, at export time',
        company_name: 'Company, at export time',
        license_type: 'Licence, at export time',
      },
      personal,
    ),
    ...columns('now', 'date', { joined_at: 'Date on which the user joined' }, personal),
    ...columns('now', 'numeric', {
      payg_limit_current: 'Pay-as-you-go limit, at export time',
      payg_utilization_pct_current: 'Pay-as-you-go utilisation in per cent, at export time',
    }),
    ...columns('usage', 'numeric', { payg_consumption_in_period: 'Pay-as-you-go consumption in the period' }),
    ...columns('usage', 'integer', {
      messages_total: 'Messages',
      messages_chat: 'Messages in chats',
      messages_assistants: 'Messages to agents',
      messages_projects: 'Messages in projects',
      messages_total_rank: 'Rank by messages; does not add up over periods',
      messages_chat_rank: 'Rank by messages in chats; does not add up over periods',
      messages_assistants_rank: 'Rank by messages to agents; does not add up over periods',
      messages_projects_rank: 'Rank by messages in projects; does not add up over periods',
      assistants_messaged: 'Agents that the user messaged',
      projects_messaged: 'Projects in which the user sent messages',
      action_messages: 'Messages that used an action',
      action_messaged: 'Actions that the user used',
    }),
    ...columns('usage', 'map', {
      assistants_to_messages: 'Messages by agent: a JSON object, id -> count',
      projects_to_messages: 'Messages by project: a JSON object, id -> count',
      model_to_messages_total: 'Messages by model: a JSON object, id -> count',
      action_to_messages: 'Messages by action: a JSON object, id -> count',
    }),
  ],
  agents: [
    ...columns('key', 'string', { assistant_id: 'Agent' }),
    ...columns('now', 'string', { assistant_name: 'Name, at export time' }),
    ...columns('usage', 'integer', {
      messages: 'Messages to the agent',
      unique_users: 'Users who messaged it; does not add up over periods',
      active_users: 'Active users; does not add up over periods',
      conversations: 'Conversations',
    }),
    ...columns('usage', 'float', { messages_per_user: 'Messages per user; does not add up over periods' }),
    ...columns(
      'now',
      'string',
      {
        assistant_description: 'Description, at export time',
        assistant_url: 'Address of the agent',
        assistant_owner_id: 'Owner, at export time',
        assistant_owner_email: "Owner's e-mail address, at export time",
      },
      personal,
    ),
    ...columns(
      'usage',
      'integer',
      { sum_prompt_tokens: 'Prompt tokens', sum_completion_tokens: 'Completion tokens' },
      byok,
    ),
    ...columns(
      'usage',
      'float',
      {
        avg_prompt_tokens: 'Prompt tokens per request; does not add up over periods',
        avg_completion_tokens: 'Completion tokens per request; does not add up over periods',
      },
      byok,
    ),
  ],
  'api-keys': [
    ...columns('key', 'string', { api_key_id: 'API key (its id, never the key)' }),
    ...columns('now', 'string', { api_key_name: 'Name, at export time' }),
    ...columns('usage', 'integer', { requests: 'Requests' }),
    ...columns('usage', 'numeric', { total_cost_usd: 'Cost in US dollars' }),
    ...columns(
      'usage',
      'integer',
      {
        sum_prompt_tokens: 'Prompt tokens',
        sum_completion_tokens: 'Completion tokens',
        cached_prompt_tokens: 'Prompt tokens read from the cache',
        cache_creation_tokens: 'Prompt tokens written to the cache',
        no_cache_tokens: 'Prompt tokens past the cache',
      },
      byok,
    ),
  ],
  projects: [
    ...columns('key', 'string', { project_id: 'Project' }),
    ...columns('now', 'string', { project_name: 'Name, at export time' }),
    ...columns(
      'now',
      'string',
      {
        project_owner_id: 'Owner, at export time',
        project_owner_email: "Owner's e-mail address, at export time",
      },
      personal,
    ),
    ...columns('usage', 'integer', { messages: 'Messages in the project' }),
  ],
  models: [
    ...columns('key', 'string', { name: 'Model', provider: 'Provider of the model' }),
    ...columns('key', 'boolean', { bring_your_keys: "Whether the workspace's own keys were used" }),
    ...columns('usage', 'integer', { requests: 'Requests' }),
    ...columns(
      'usage',
      'integer',
      {
        sum_prompt_tokens: 'Prompt tokens',
        sum_completion_tokens: 'Completion tokens',
        sum_cached_prompt_tokens: 'Prompt tokens read from the cache',
        sum_cache_creation_tokens: 'Prompt tokens written to the cache',
        no_cache_tokens: 'Prompt tokens past the cache',
      },
      byok,
    ),
    ...columns('usage', 'numeric', { total_cost_usd: 'Cost in US dollars' }, byok),
  ],
};

const GROUPED: Readonly<Record<GroupBy, readonly ContractColumn[]>> = {
  model: columns('key', 'string', { model: 'Model that the row is about' }),
  source: columns('key', 'string', { source: 'Where requests came from: WEB, MOBILE, API, SLACK, TEAMS, …' }),
  deployment: columns('key', 'string', { deployment: 'Deployment that served the requests' }),
};

/** All columns that an export of this report may have, in the order in which a table is made. */
export function contractColumns(report: Report): readonly ContractColumn[] {
  const grouped = report.groupBy === undefined ? [] : GROUPED[report.groupBy];
  return [...EVERY_EXPORT, ...grouped, ...OWN[report.dataType]];
}

/** `users:model`, `models`: how keys, messages and docs name a report. */
export function reportName(report: Report): string {
  return report.groupBy === undefined ? report.dataType : `${report.dataType}:${report.groupBy}`;
}

/** The data type behind a name as people and the API write it, or undefined. */
export function dataTypeNamed(name: string): DataType | undefined {
  return name === 'assistants' ? 'agents' : DATA_TYPES.find((type) => type === name);
}
