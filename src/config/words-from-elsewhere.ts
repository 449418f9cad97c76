import { nearest } from '../core/nearest.ts';

/** Where a key was read; the same word may mean something else elsewhere. */
export type Where = 'root' | 'source' | 'destination' | 'notification' | 'job' | 'window' | 'columns' | 'other';

const WINDOW_OBJECT = 'window: { grain: day }';

/** Other tools' words for jobs and windows, with what exportd says instead. docs/configuration.md shows this table. */
export const WORDS_FROM_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['batch_size', `the size of a period is its grain: ${WINDOW_OBJECT}`],
  ['interval_unit', `the size of a period is its grain: ${WINDOW_OBJECT}`],
  ['interval', `the size of a period is its grain: ${WINDOW_OBJECT}`],
  ['granularity', `the size of a period is its grain: ${WINDOW_OBJECT}`],
  ['frequency', 'when a job runs is its schedule; the size of a period is its window.grain'],
  ['start_date', 'history begins at window.begin: window: { grain: day, begin: 2026-01-01 }'],
  ['start', 'history begins at window.begin: window: { grain: day, begin: 2026-01-01 }'],
  ['lookback_window', 'periods exported again on every run are window.lookback; 3 = the 3 newest closed ones'],
  ['refresh_window', 'periods exported again on every run are window.lookback; 3 = the 3 newest closed ones'],
  ['catchup', 'holes since window.begin are always filled; on_start: wait leaves a start to the first tick'],
  ['write_disposition', 'exportd always replaces a whole period: take it away'],
  ['mode', 'exportd always replaces a whole period: take it away'],
  ['primary_key', 'exportd always replaces a whole period and needs no key: take it away'],
  ['unique_key', 'exportd always replaces a whole period and needs no key: take it away'],
  ['merge_key', 'exportd always replaces a whole period and needs no key: take it away'],
  ['cron', 'when a job runs is its schedule: schedule: "15 6 * * *"'],
  ['schedule_interval', 'when a job runs is its schedule: schedule: "15 6 * * *"'],
  ['cron_schedule', 'when a job runs is its schedule: schedule: "15 6 * * *"'],
  ['partition_by', 'tables are always partitioned by _period_date: take it away'],
]);

const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['report', 'data_type'],
  ['type', 'data_type'],
  ['tz', 'timezone'],
  ['cluster_fields', 'cluster_by'],
  ['exclude', 'drop'],
  ['mask', 'hash'],
  ['url', 'base_url'],
  ['endpoint', 'base_url'],
  ['key_file', 'api_key'],
  ['secret', 'api_key'],
  ['salt', 'hash_key'],
  ['file', 'path'],
  ['database', 'path'],
  ['end', 'delay'],
  ['offset', 'delay'],
  ['days', 'lookback'],
  ['from', 'begin'],
  ['since', 'begin'],
  ['connections', 'sources'],
  ['warehouses', 'destinations'],
  ['targets', 'destinations'],
  ['pipelines', 'jobs'],
  ['schedules', 'jobs'],
  ['alerts', 'notifications'],
  ['events', 'on'],
  ['webhook_url', 'url'],
]);

const SCHEDULE_OR_WINDOW: readonly Where[] = ['job', 'window'];

/** What to say of a key that is none: another tool's word for one, a slip of one, or the list of what there is. */
export function unknownKey(key: string, known: readonly string[], where: Where): string {
  const plain = folded(key);
  if (SCHEDULE_OR_WINDOW.includes(where)) {
    for (const [word, ours] of WORDS_FROM_ELSEWHERE) {
      if (folded(word) === plain) return `unknown key ${shown(key)}: ${ours}`;
    }
  }
  const meant = didYouMean(key, known);
  if (meant !== undefined) return `unknown key ${shown(key)}: did you mean ${meant}?`;
  if (where === 'job' && WINDOW_KEYS.includes(plain))
    return `unknown key ${shown(key)}: it belongs into window: { ${key}: … }`;
  return `unknown key ${shown(key)}: what can stand here is ${known.join(', ')}`;
}

const WINDOW_KEYS = ['grain', 'span', 'lookback', 'delay', 'includeopen', 'begin'];

const VALUES: ReadonlyMap<string, string> = new Map([
  ['hourly', 'hour'],
  ['daily', 'day'],
  ['weekly', 'week'],
  ['monthly', 'month'],
  ['quarterly', 'quarter'],
  ['yearly', 'year'],
  ['annually', 'year'],
  ['text', 'string'],
  ['varchar', 'string'],
  ['int', 'integer'],
  ['int64', 'integer'],
  ['bigint', 'integer'],
  ['number', 'numeric'],
  ['decimal', 'numeric'],
  ['double', 'float'],
  ['float64', 'float'],
  ['bool', 'boolean'],
  ['datetime', 'timestamp'],
  ['json', 'map'],
  ['object', 'map'],
  ['ignore', 'discard'],
  ['append', 'evolve'],
]);

/** The one of `known` that a person meant: the same letters, a synonym, or a slip away. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const plain = folded(word);
  const same = known.find((each) => folded(each) === plain);
  if (same !== undefined) return same;
  for (const synonyms of [SYNONYMS, VALUES]) {
    const synonym = synonyms.get(word.toLowerCase());
    if (synonym !== undefined && known.includes(synonym)) return synonym;
  }
  return nearest(word, known);
}

/** `groupBy`, `group-by` and `Group_By` are one word. */
function folded(word: string): string {
  return word.toLowerCase().replaceAll(/[-_\s]/g, '');
}

function shown(key: string): string {
  return key.length > 60 ? `${key.slice(0, 60)}…` : key;
}
