/** A URL as it may be shown: without its query, which may sign it, and without credentials. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

const LONGEST = 200;
/** The query of a URL. */
const QUERY = /\?[^\s"'<>]*=[^\s"'<>]*/g;
/** What the cut went through, where it may be a token: of one that is cut, nobody can tell that it is a secret. */
const TOKEN_AT_END = /[\w.~+/=-]+$/;

/**
 * What the other side wrote, fit for a message: a short start on one line, of HTML and XML only the title or code, of
 * URLs no query, which may sign them. Empty where nothing of it would tell a person anything.
 */
export function shownText(text: string): string {
  const trimmed = text.trim();
  const telling = trimmed.startsWith('<') ? (/<(?:title|Code)>([^<]*)</i.exec(trimmed)?.[1] ?? '') : trimmed;
  const line = telling
    .replaceAll(/\p{C}+|\s+/gu, ' ')
    .trim()
    .replaceAll(QUERY, '?…');
  return line.length > LONGEST ? `${line.slice(0, LONGEST).replace(TOKEN_AT_END, '')}…` : line;
}

/** `: text`, or nothing. */
export function because(text: string): string {
  const line = shownText(text);
  return line === '' ? '' : `: ${line}`;
}
