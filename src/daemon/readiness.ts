import type { ConfigView } from './last-seen.ts';
import type { Contact, ReachView } from './reach.ts';

/** Why the daemon cannot do its work; none: it is ready. */
export interface Reason {
  readonly what: 'config' | 'source' | 'destination' | 'process';
  /** Name in the YAML, of a source or a destination. */
  readonly name: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Judged by what was seen last, asking nobody. What was not asked yet is no reason. */
export function notReady({ config, broken }: ConfigView, reach: ReachView, stopping: boolean): Reason[] {
  const reasons: Reason[] = [];
  const say = (what: Reason['what'], message: string) =>
    reasons.push({ what, name: undefined, message, hint: undefined });
  if (config === undefined) say('config', 'no config was loaded yet');
  if (broken !== undefined) {
    const [first = 'it has errors'] = broken.problems;
    const more = broken.problems.length > 1 ? `, and ${broken.problems.length - 1} more` : '';
    say('config', `the newest config cannot be used, the one before stays: ${firstLine(first)}${more}`);
  }
  if (stopping) say('process', 'the daemon is stopping');
  return [...reasons, ...outOfReach('source', reach.sources), ...outOfReach('destination', reach.destinations)];
}

function outOfReach(what: 'source' | 'destination', contacts: ReadonlyMap<string, Contact>): Reason[] {
  return [...contacts].flatMap(([name, { failure }]) =>
    failure === undefined ? [] : [{ what, name, message: failure.error.message, hint: failure.error.hint }],
  );
}

/** A problem is followed by the line that it is about, and a caret. */
function firstLine(problem: string): string {
  return problem.split('\n', 1)[0] ?? problem;
}
