import { SECRET_KEYS } from './schema.ts';
import type { Entry, ScalarTree, Tree } from './tree.ts';

/** Whether no output may show what a value holds. */
export function isSecret(tree: ScalarTree, key: string | undefined): boolean {
  return tree.secret === true || (key !== undefined && SECRET_KEYS.has(key));
}

/** A notification with its address and its headers as secrets: whoever knows a webhook's URL may post to it. */
export function withSecretAddress(notification: Tree): Tree {
  if (notification.kind !== 'map') return notification;
  const entries = [...notification.entries].map(([key, entry]): [string, Entry] =>
    key === 'url' || key === 'headers' ? [key, { ...entry, value: asSecret(entry.value) }] : [key, entry],
  );
  return { ...notification, entries: new Map(entries) };
}

function asSecret(tree: Tree): Tree {
  switch (tree.kind) {
    case 'scalar':
      return { ...tree, secret: true };
    case 'list':
      return { ...tree, items: tree.items.map(asSecret) };
    case 'map': {
      const entries = [...tree.entries].map(([key, entry]): [string, Entry] => {
        return [key, { ...entry, value: asSecret(entry.value) }];
      });
      return { ...tree, entries: new Map(entries) };
    }
  }
}
