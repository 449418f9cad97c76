import type { Instant } from '../core/words.ts';
import { VERSION } from '../version.ts';
import { type Change, idOf } from './incidents.ts';
import type { Load } from './loads.ts';

/** What one notification says. */
export type Message =
  | {
      readonly type: 'incidents';
      readonly at: Instant;
      /** One or more; of a digest the first. */
      readonly changes: readonly Change[];
      /** All that there are. */
      readonly count: number;
    }
  | { readonly type: 'loaded'; readonly load: Load };

/** The body that a generic webhook gets: the ledger's names, instants ISO in UTC. Fields are only ever added. */
export function webhookBody(message: Message): string {
  return JSON.stringify({ ...documentOf(message), exportd_version: VERSION });
}

/** The body that a Slack webhook gets. */
export function slackBody(message: Message): string {
  return JSON.stringify({ text: message.type === 'loaded' ? loadText(message.load) : incidentsText(message) });
}

function documentOf(message: Message) {
  if (message.type === 'loaded') return { event: 'loaded', ...loadDocument(message.load) };
  const { at, changes, count } = message;
  const [first] = changes;
  const event = count > 1 ? 'digest' : first?.type === 'recovered' ? 'recovered' : first?.incident.kind;
  return { event, at: iso(at), incident_count: count, incidents: changes.map(incidentDocument) };
}

function incidentDocument({ at, type, incident }: Change) {
  const { kind, what, name, since, code, message, hint, key } = incident;
  return {
    incident: idOf(incident),
    kind,
    recovered: type === 'recovered',
    since: iso(since),
    until: type === 'recovered' ? iso(at) : null,
    [what]: name ?? true,
    error_code: code ?? null,
    message,
    hint: hint ?? null,
    period_key: key ?? null,
  };
}

function loadDocument({ at, runId, job, table, destination, rows, outcomes, changed, periods }: Load) {
  return {
    at: iso(at),
    run_id: runId,
    job,
    table_name: table,
    destination,
    row_count: rows,
    outcomes,
    period_count: changed,
    periods: periods.map(({ key, date, outcome, rows: its }) => {
      return { period_key: key, period_date: date, outcome, row_count: its };
    }),
  };
}

function incidentsText({ changes, count }: Extract<Message, { type: 'incidents' }>): string {
  if (count === 1) return changes.map(changeText).join('');
  const began = changes.filter(({ type }) => type === 'began').length;
  const head = `*exportd: ${count} things changed* (${began === changes.length ? 'all for the worse' : 'some recovered'})`;
  const more = count > changes.length ? [`… and ${count - changes.length} more: exportd status shows all`] : [];
  return [head, ...changes.map((change) => `• ${shortText(change)}`), ...more].join('\n');
}

function changeText(change: Change): string {
  const { incident, type } = change;
  if (type === 'recovered') return shortText(change);
  const hint = incident.hint === undefined ? '' : `\n${escaped(incident.hint)}`;
  const key = incident.key === undefined ? '' : `\n\`${escaped(incident.key)}\``;
  return `${shortText(change)}${key}${hint}`;
}

const IS = { failure: 'fails', held: 'holds a load back', stale: 'is stale' } as const;

function shortText({ at, type, incident }: Change): string {
  const { kind, what, name, since, code, message } = incident;
  const subject = `*${what === 'config' ? 'config' : `${what} ${escaped(name ?? '')}`}*`;
  if (type === 'recovered') return `${subject} recovered: ${kind} from ${iso(since)} to ${iso(at)}`;
  return `${subject} ${IS[kind]}${code === undefined ? '' : ` (${code})`}: ${escaped(message)}`;
}

function loadText({ job, table, rows, changed }: Load): string {
  const periods = changed === 1 ? '1 period' : `${changed} periods`;
  return `*job ${escaped(job)}* loaded ${periods} into ${escaped(table)}: ${rows} rows`;
}

/** Slack's three: what is between < and > would be a link, or a mention of everybody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function iso(at: Instant): string {
  return new Date(at).toISOString();
}
