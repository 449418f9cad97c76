import type { GroupBy } from '../../src/core/words.ts';
import type { UsageEvent } from './events.ts';
import type { Workspace } from './workspace.ts';

/** The events that make one row. */
interface Group {
  /** Index of the user, agent, … in the workspace. */
  readonly entity: number;
  /** The value of group_by's column; '' where there is none. */
  readonly group: string;
  readonly events: readonly UsageEvent[];
}

/** Events by entity and group, in the order of both; those without an entity are left out. */
export function grouped(
  events: Iterable<UsageEvent>,
  entityOf: (event: UsageEvent) => number | undefined,
  groupOf: (event: UsageEvent) => string,
): Group[] {
  const byEntity = new Map<number, Map<string, UsageEvent[]>>();
  for (const event of events) {
    const entity = entityOf(event);
    if (entity === undefined) continue;
    const byGroup = byEntity.get(entity) ?? new Map<string, UsageEvent[]>();
    byEntity.set(entity, byGroup);
    const group = groupOf(event);
    const earlier = byGroup.get(group);
    if (earlier === undefined) byGroup.set(group, [event]);
    else earlier.push(event);
  }
  return [...byEntity]
    .sort(([a], [b]) => a - b)
    .flatMap(([entity, byGroup]) =>
      [...byGroup].sort(([a], [b]) => (a < b ? -1 : 1)).map(([group, events]) => ({ entity, group, events })),
    );
}

/** What group_by's column holds for an event. */
export function grouping(workspace: Workspace, groupBy: GroupBy | undefined): (event: UsageEvent) => string {
  switch (groupBy) {
    case undefined:
      return () => '';
    case 'model':
      return ({ model }) => itemOf(workspace.models, model).name;
    case 'source':
      return ({ origin }) => origin;
    case 'deployment':
      return ({ model, deployment }) => itemOf(itemOf(workspace.models, model).deployments, deployment);
  }
}

/** Each row's rank within its group, most first; equals share a rank and the next one is skipped. */
export function ranks<T>(rows: readonly T[], groupOf: (row: T) => string, of: (row: T) => number): number[] {
  return rows.map((row) => 1 + rows.filter((other) => groupOf(other) === groupOf(row) && of(other) > of(row)).length);
}

/** How many events have each name, in the order in which names first appear; those without one are left out. */
export function countBy(events: readonly UsageEvent[], nameOf: (event: UsageEvent) => string | undefined) {
  const counts: Record<string, number> = {};
  for (const event of events) {
    const name = nameOf(event);
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** The item at an index that some event names. */
export function itemOf<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`The workspace has no item ${index}.`);
  return item;
}

export function optionalItem<T>(items: readonly T[], index: number | undefined): T | undefined {
  return index === undefined ? undefined : itemOf(items, index);
}
