import type { NotificationInput } from './schema.ts';
import type { NotificationConfig } from './settings.ts';

/** @param index its place in the list, from 0: it has no other name */
export function notificationOf(index: number, input: NotificationInput): NotificationConfig {
  return {
    type: input.type,
    name: `notifications[${index}] (${input.type})`,
    url: input.url,
    on: new Set(input.on),
    headers: new Map(input.type === 'webhook' ? Object.entries(input.headers) : []),
  };
}
