import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A user of the server beside `default`, who may do everything and has no password. */
export interface ClickHouseUser {
  readonly password?: string;
  /** `default`, or one of the profiles given. */
  readonly profile?: string;
  /** Whole statements: `GRANT SELECT ON usage.*`. Without any the user may do everything. */
  readonly grants?: readonly string[];
}

/** Settings by name, as `users.xml` takes them: `{ readonly: 2, max_memory_usage: 10_000_000 }`. */
export type Profile = Readonly<Record<string, string | number>>;

export interface ServerSettings {
  readonly users: Readonly<Record<string, ClickHouseUser>>;
  readonly profiles: Readonly<Record<string, Profile>>;
}

/** Writes the server's two files into the folder and returns the path of its config.xml; `name` is how it answers. */
export async function writeServerFiles(folder: string, name: string, settings: ServerSettings): Promise<string> {
  const config = join(folder, 'config.xml');
  const users = join(folder, 'users.xml');
  await writeFile(config, configXml(name, users));
  await writeFile(users, usersXml(settings));
  return config;
}

/** A path that is not absolute would be taken from the server's working directory. */
function configXml(name: string, users: string): string {
  return document(
    '<logger><level>none</level></logger>',
    element('display_name', name),
    element('users_config', users),
    `<user_directories><users_xml>${element('path', users)}</users_xml></user_directories>`,
  );
}

function usersXml({ users, profiles }: ServerSettings): string {
  const everyone = { default: {}, ...users };
  return document(
    '<profiles>',
    ...Object.entries({ default: {}, ...profiles }).map(([name, profile]) => {
      const settings = Object.entries(profile).map(([key, value]) => element(key, String(value)));
      return `<${name}>${settings.join('')}</${name}>`;
    }),
    '</profiles>',
    '<quotas><default/></quotas>',
    '<users>',
    ...Object.entries(everyone).map(([name, user]) => `<${name}>${userXml(user)}</${name}>`),
    '</users>',
  );
}

function userXml({ password = '', profile = 'default', grants = [] }: ClickHouseUser): string {
  const granted = grants.map((grant) => element('query', grant)).join('');
  return [
    element('password', password),
    '<networks><ip>127.0.0.1</ip></networks>',
    element('profile', profile),
    element('quota', 'default'),
    granted === '' ? '' : `<grants>${granted}</grants>`,
  ].join('');
}

function document(...lines: readonly string[]): string {
  return ['<clickhouse>', ...lines, '</clickhouse>', ''].join('\n');
}

function element(name: string, text: string): string {
  return `<${name}>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${name}>`;
}
