import { ExportdError } from '../core/errors.ts';
import type { StoreClient } from './client.ts';
import { requireVersion } from './migrations.ts';

/** What of a workspace's usage may be reported, as its row of the store says. */
export interface WorkspaceSettings {
  /** Off: columns that identify a person are left out; the rows stay, one a user. */
  readonly userLevelData: boolean;
  /** Off: users are not ranked. */
  readonly leaderboards: boolean;
  /** The workspace brings its own keys: tokens are reported, and models by deployment. */
  readonly byok: boolean;
}

/**
 * A workspace's settings as they are now. Throws STORE_OUTDATED where the store's tables are older than this version, and
 * WORKSPACE_UNKNOWN (source) where it has no such workspace.
 */
export async function readWorkspace(
  client: StoreClient,
  workspace: string,
  signal?: AbortSignal,
): Promise<WorkspaceSettings> {
  await requireVersion(client, signal);
  const [row] = await client.rows<{ user_level_data: boolean; leaderboards: boolean; byok: boolean }>(
    `SELECT user_level_data, leaderboards, byok FROM workspaces
     WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1`,
    { org: workspace },
    signal,
  );
  if (row === undefined) {
    throw new ExportdError('WORKSPACE_UNKNOWN', `the usage store has no workspace ${JSON.stringify(workspace)}`, {
      scope: 'source',
      hint: 'workspace must be an org_id of its table workspaces, to the letter',
    });
  }
  return { userLevelData: row.user_level_data, leaderboards: row.leaderboards, byok: row.byok };
}
