import type { z } from 'zod';
import type { SOURCES, UsageApiInput } from './schema.ts';
import type { ClickHouseConfig, ExportApiConfig, UsageApiConfig } from './settings.ts';

type SourceInput = z.output<typeof SOURCES>;

/** `type: export_api`, checked, as the rest of exportd reads it. */
export function exportApiOf(name: string, input: Extract<SourceInput, { type: 'export_api' }>): ExportApiConfig {
  const { key, base_url, api_key, rate_limit, history, record_count, ...rest } = input;
  return {
    ...rest,
    name,
    key: key ?? name,
    baseUrl: withoutSlash(base_url),
    apiKey: api_key,
    rate: rate_limit ?? undefined,
    history: history ?? undefined,
    recordCount: record_count,
  };
}

/** `type: clickhouse`, likewise. ClickHouse counts time in seconds. */
export function clickHouseOf(name: string, input: Extract<SourceInput, { type: 'clickhouse' }>): ClickHouseConfig {
  const { key, url, username, password, jwt, settings, database, timeout, history, ...rest } = input;
  return {
    ...rest,
    ...connectionOf({ url, username, password, jwt, settings, database, timeout }),
    name,
    key: key ?? name,
    history: history ?? undefined,
  };
}

/** How a ClickHouse is reached, for the source and the API alike. */
export function connectionOf(input: UsageApiInput['clickhouse']): UsageApiConfig['clickHouse'] {
  const { max_memory_usage: memory, max_execution_time: time } = input.settings;
  return {
    ...input,
    url: withoutSlash(input.url),
    password: input.password ?? undefined,
    jwt: input.jwt ?? undefined,
    settings: {
      ...(memory === undefined ? {} : { max_memory_usage: String(memory) }),
      ...(time === undefined ? {} : { max_execution_time: String(time / 1000) }),
    },
  };
}

export function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
