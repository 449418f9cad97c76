import { resolve } from 'node:path';
import { addressOf } from './daemon-settings.ts';
import { find, pointAt } from './navigate.ts';
import { type Problem, problem } from './problems.ts';
import type { UsageApiInput } from './schema.ts';
import type { UsageApiConfig } from './settings.ts';
import { connectionOf, withoutSlash } from './source-settings.ts';
import type { Entry } from './tree.ts';

/** `folder`: what a relative `files_dir` is relative to. */
export function usageApiOf(input: UsageApiInput, folder: string): UsageApiConfig {
  return {
    listen: addressOf(input.listen),
    publicUrl: input.public_url === null ? undefined : withoutSlash(input.public_url),
    pathPrefix: input.path_prefix,
    clickHouse: connectionOf(input.clickhouse),
    signingKey: input.signing_key,
    filesDir: resolve(folder, input.files_dir),
    urlTtl: input.url_ttl,
    rate: input.rate_limit ?? undefined,
    concurrency: input.concurrency,
    maxScannedRows: input.max_scanned_rows,
    history: input.history ?? undefined,
    keys: input.keys,
  };
}

/** What no single key shows. */
export function checkUsageApi(owner: Entry, input: UsageApiInput): Problem[] {
  const problems: Problem[] = [];
  const say = (path: readonly (string | number)[], message: string) =>
    problems.push(problem(pointAt(find(owner, path)), message));
  if (input.clickhouse.password != null && input.clickhouse.jwt != null) {
    say(['clickhouse', 'jwt'], 'jwt: a token stands in place of a password: give one of the two');
  }
  const { host } = addressOf(input.listen);
  if (input.public_url === null && (host === '0.0.0.0' || host === '[::]')) {
    say(['listen'], `listen: no client reaches ${host}: say in public_url what download URLs start with`);
  }
  for (const what of ['name', 'hash'] as const) {
    const seen = new Set<string>();
    input.keys.forEach((key, index) => {
      if (seen.has(key[what])) say(['keys', index, what], `${what}: two keys have the same`);
      seen.add(key[what]);
    });
  }
  return problems;
}
