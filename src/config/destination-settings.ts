import type { z } from 'zod';
import type { DESTINATIONS } from './schema.ts';
import type { BigQueryConfig, DuckDbConfig } from './settings.ts';

type DestinationInput = z.output<typeof DESTINATIONS>;

/** Makes a path absolute that is written under a key. */
type Resolve = (key: string, path: string) => string;

/** `type: duckdb`, checked, as the rest of exportd reads it. */
export function duckDbOf(
  name: string,
  input: Extract<DestinationInput, { type: 'duckdb' }>,
  resolve: Resolve,
): DuckDbConfig {
  return { ...input, name, path: resolve('path', input.path) };
}

/** `type: bigquery`, likewise. */
export function bigQueryOf(
  name: string,
  input: Extract<DestinationInput, { type: 'bigquery' }>,
  resolve: Resolve,
): BigQueryConfig {
  return {
    type: input.type,
    name,
    project: input.project,
    billingProject: input.billing_project ?? input.project,
    dataset: input.dataset,
    stagingDataset: input.staging_dataset ?? input.dataset,
    location: input.location,
    endpoint: input.endpoint?.replace(/\/+$/, ''),
    keyFile: input.key_file === undefined ? undefined : resolve('key_file', input.key_file),
    impersonate: input.impersonate,
    labels: input.labels,
    maximumBytesBilled: input.maximum_bytes_billed,
    partitionExpiration: input.partition_expiration,
    requirePartitionFilter: input.require_partition_filter,
  };
}
