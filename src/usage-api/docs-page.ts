import { DATA_TYPES, GROUPINGS } from '../core/contract.ts';
import type { ContractColumn, DataType } from '../core/words.ts';
import { columnsOf } from './openapi.ts';

export const DOCS_STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
  pre, code { font-family: ui-monospace, monospace; font-size: .9em; }
  pre { padding: 1rem; overflow-x: auto; border: 1px solid; border-radius: .5rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid; }
  summary { cursor: pointer; }
`;

const ERRORS: readonly (readonly [string, string, string])[] = [
  ['400', 'BAD_REQUEST', 'A field is wrong: the message says which and why.'],
  ['400', 'USAGE_EXPORT_TOO_LARGE', 'The period has too much usage for one export: choose a shorter one.'],
  ['401', '', 'The provided API key is invalid.'],
  ['403', 'FORBIDDEN', 'The key lacks the scope USAGE_EXPORT_API, or the request comes from a browser.'],
  ['404', 'NOT_FOUND', 'No usage data found for the selected period.'],
  ['429', 'TOO_MANY_REQUESTS', 'Too many requests in this workspace: come back after Retry-After seconds.'],
  ['503', 'SERVICE_UNAVAILABLE', 'The server cannot export at the moment: come back after Retry-After seconds.'],
];

/** The API for people, whole in one file. Everything in it is ours: no text of a client or of the store. */
export function docsPage(prefix: string): string {
  const at = (path: string) => `${prefix}${path}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Usage Export API</title>
<style>${DOCS_STYLE}</style>
</head>
<body>
<main>
<h1>Usage Export API</h1>
<p>Usage of a workspace, as CSV or JSON. For programs: <a href="${at('/openapi.json')}">the OpenAPI document</a>.</p>
<h2>Routes</h2>
<table>
<thead><tr><th scope="col">Route</th><th scope="col">group_by</th></tr></thead>
<tbody>
${DATA_TYPES.map((type) => routeRow(at, type)).join('\n')}
</tbody>
</table>
<p>Each also with <code>/csv</code> or <code>/json</code> behind it; without, the answer is that of <code>/csv</code>.
<code>assistants</code> and <code>agents</code> are the same. <code>deployment</code> only where the workspace brings its own keys.</p>
<h2>Request</h2>
<pre>curl -X POST "https://this.server${at('/export/users')}" \\
  -H "Authorization: Bearer YOUR_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "from": { "date": "2024-01-01T00:00:00.000", "timezone": "Europe/Berlin" },
    "to":   { "date": "2024-01-31T23:59:59.999", "timezone": "Europe/Berlin" },
    "group_by": "model"
  }'</pre>
<p>A date is wall-clock time in its timezone, to the millisecond, and <code>to</code> includes its whole millisecond. A
<code>Z</code> at its end is dropped; an offset is refused. A time that clocks show twice means the earlier one in <code>from</code> and the
later one in <code>to</code>, so that neighbouring days meet.</p>
<h2>Answers</h2>
<p>CSV: where the file is. GET <code>downloadUrl</code> without the key; it holds for some minutes. An empty field is null, <code>""</code> an
empty text.</p>
<pre>{"success":true,"data":{"filePath":"…","downloadUrl":"…","dataType":"users","recordCount":1250,
 "dateRange":{"from":"2024-01-01T00:00:00.000+01:00","to":"2024-01-31T23:59:59.999+01:00"}}}</pre>
<p>JSON: the rows. An answer that does not end with its <code>metadata</code> is not whole.</p>
<pre>{"success":true,"data":[{"period_start":"2024-01-01", …}],
 "metadata":{"dataType":"users","recordCount":1,"dateRange":{ … }}}</pre>
<h2>Errors</h2>
<p>As <code>{"message": "…", "code": "…"}</code>.</p>
<table>
<thead><tr><th scope="col">Status</th><th scope="col">Code</th><th scope="col">Meaning</th></tr></thead>
<tbody>
${ERRORS.map(([status, code, means]) => `<tr><td>${status}</td><td><code>${code}</code></td><td>${means}</td></tr>`).join('\n')}
</tbody>
</table>
<h2>Columns</h2>
<p>Those marked P identify a person and are left out where the workspace has switched user-level data off; those marked B are
there where the workspace brings its own keys; ranks where leaderboards are on.</p>
${DATA_TYPES.map((type) => columnTable(type)).join('\n')}
</main>
</body>
</html>
`;
}

function routeRow(at: (path: string) => string, type: DataType): string {
  const names = type === 'agents' ? ['agents', 'assistants'] : [type];
  const routes = names.map((name) => `<code>POST ${at(`/export/${name}`)}</code>`).join('<br>');
  return `<tr><td>${routes}</td><td>${GROUPINGS[type].map((group) => `<code>${group}</code>`).join(', ') || 'none'}</td></tr>`;
}

function columnTable(type: DataType): string {
  return `<details>
<summary>${type}</summary>
<table>
<thead><tr><th scope="col">Column</th><th scope="col">Type</th><th scope="col"></th><th scope="col">Meaning</th></tr></thead>
<tbody>
${columnsOf(type).map(columnRow).join('\n')}
</tbody>
</table>
</details>`;
}

function columnRow({ name, type, personal, byok, description }: ContractColumn): string {
  const marks = [personal ? 'P' : '', byok ? 'B' : ''].join('');
  const text = description.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<tr><td><code>${name}</code></td><td>${type}</td><td>${marks}</td><td>${text}</td></tr>`;
}
