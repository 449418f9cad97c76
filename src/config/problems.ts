import { ExportdError } from '../core/errors.ts';
import { excerpt, lineAndColumn, type Place, placeName } from './config-file.ts';

/** One thing that is wrong, or doubtful, with the config, and where. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Undefined where it is about no file's text: a folder that is not there. */
  readonly place: Place | undefined;
  readonly message: string;
  /** The other place it is about, e.g. the first of two definitions. */
  readonly other?: { readonly place: Place; readonly note: string } | undefined;
}

export function problem(place: Place | undefined, message: string, other?: Problem['other']): Problem {
  return { severity: 'error', place, message, other };
}

export function warning(place: Place | undefined, message: string): Problem {
  return { severity: 'warning', place, message };
}

/** `file:line:column: message`, the line, a caret; then the same of the other place. */
export function formatProblem(found: Problem): string {
  const { place, other } = found;
  const message = found.severity === 'warning' ? `warning: ${found.message}` : found.message;
  if (place === undefined) return message;
  const own = `${placeName(place)}: ${message}\n${excerpt(place)}`;
  return other === undefined ? own : `${own}\n  ${other.note} at ${placeName(other.place)}\n${excerpt(other.place)}`;
}

/** A problem as `--output json` shows it. */
export interface ProblemDocument {
  readonly severity: 'error' | 'warning';
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

export function problemDocument({ severity, place, message }: Problem): ProblemDocument {
  if (place === undefined) return { severity, file: null, line: null, column: null, message };
  return { severity, file: place.file.shown, ...lineAndColumn(place), message };
}

/** The config cannot be used. `message` holds every problem as `formatProblem` writes it. */
export class ConfigError extends ExportdError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super('CONFIG_INVALID', problems.map(formatProblem).join('\n\n'), { scope: 'config' });
    this.problems = problems;
  }
}

/** In the order of files and lines; what is said twice of one place (a default that all jobs share) once. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const once = new Map<string, Problem>();
  for (const found of problems) {
    const key = `${found.place?.file.path} ${found.place?.start} ${found.message}`;
    if (!once.has(key)) once.set(key, found);
  }
  const rank = (found: Problem) => found.place?.file.shown ?? '';
  return [...once.values()].sort((a, b) => {
    if (rank(a) !== rank(b)) return rank(a) < rank(b) ? -1 : 1;
    return (a.place?.start ?? 0) - (b.place?.start ?? 0);
  });
}
