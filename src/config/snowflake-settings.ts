import type { z } from 'zod';
import { find, pointAt } from './navigate.ts';
import { type Problem, problem, warning } from './problems.ts';
import type { DESTINATIONS } from './schema.ts';
import type { SnowflakeConfig, SnowflakeCredentials } from './settings.ts';
import type { Entry } from './tree.ts';

type SnowflakeInput = Extract<z.output<typeof DESTINATIONS>, { type: 'snowflake' }>;

/** Keys that prove who the user is; one is given. */
const PROOFS = ['private_key', 'private_key_file', 'token', 'workload_identity', 'password'] as const;

/** What the schema cannot say: which keys go together. */
export function checkSnowflake(owner: Entry, input: SnowflakeInput): Problem[] {
  const at = (key: string) => pointAt(find(owner, [key]));
  const given = PROOFS.filter((key) => input[key] != null && !isTokenOfWorkload(key, input));
  const problems: Problem[] = [];
  const [first, second] = given;
  if (first === undefined) {
    const message = `${owner.key}: no credentials: give private_key or private_key_file (or token, workload_identity, password)`;
    problems.push(problem(owner.keyPlace, message));
  } else if (second !== undefined) {
    problems.push(problem(at(second), `${second}: it stands in place of ${first}: give one of the two`));
  }
  if (input.user === undefined && input.workload_identity === undefined) {
    problems.push(problem(owner.keyPlace, `${owner.key}: user is missing`));
  }
  if (input.workload_identity === 'oidc' && input.token == null) {
    problems.push(problem(at('workload_identity'), 'workload_identity: with oidc, token must be its ID token'));
  }
  if (input.password != null) {
    const message =
      'password: Snowflake is ending log-ins of services by password: use private_key (docs/snowflake.md says how)';
    problems.push(warning(at('password'), message));
  }
  return problems;
}

function isTokenOfWorkload(key: (typeof PROOFS)[number], { workload_identity: provider }: SnowflakeInput): boolean {
  return key === 'token' && provider === 'oidc';
}

/** `type: snowflake`, checked, as the rest of exportd reads it; undefined where it has no credentials. */
export function snowflakeOf(
  name: string,
  input: SnowflakeInput,
  resolve: (key: string, path: string) => string,
): SnowflakeConfig | undefined {
  const credentials = credentialsOf(input, resolve);
  if (credentials === undefined) return undefined;
  const { type, account, user, role, warehouse, database, schema, query_tag: queryTag, transient } = input;
  const url = input.url?.replace(/\/+$/, '');
  return { type, name, account, url, user, role, warehouse, database, schema, credentials, queryTag, transient };
}

function credentialsOf(
  input: SnowflakeInput,
  resolve: (key: string, path: string) => string,
): SnowflakeCredentials | undefined {
  const passphrase = input.private_key_passphrase ?? undefined;
  if (input.private_key != null) return { by: 'key', key: input.private_key, passphrase };
  if (input.private_key_file !== undefined) {
    return { by: 'key file', path: resolve('private_key_file', input.private_key_file), passphrase };
  }
  if (input.workload_identity !== undefined) {
    const provider = PROVIDERS[input.workload_identity];
    return { by: 'workload identity', provider, token: input.token ?? undefined };
  }
  if (input.token != null) return { by: input.token_type === 'pat' ? 'access token' : 'oauth', token: input.token };
  return input.password == null ? undefined : { by: 'password', password: input.password };
}

const PROVIDERS = { aws: 'AWS', azure: 'AZURE', gcp: 'GCP', oidc: 'OIDC' } as const;
