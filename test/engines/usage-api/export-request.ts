import { dataTypeNamed, GROUPINGS } from '../../../src/core/contract.ts';
import { ExportdError } from '../../../src/core/errors.ts';
import { readRequest } from '../../../src/core/request.ts';
import type { DataType, GroupBy, Instant } from '../../../src/core/words.ts';
import type { ShortAnswer } from './faults.ts';

/** A bound as it came. */
export interface Bound {
  readonly date: string;
  readonly timezone: string;
}

/** What one POST asks for, as the server understood it. */
export interface ExportRequest {
  readonly workspace: string;
  readonly dataType: DataType;
  /** The data type as the route names it: `agents` or `assistants`. */
  readonly routeName: string;
  readonly groupBy: GroupBy | undefined;
  readonly format: 'csv' | 'json';
  readonly from: Bound;
  readonly to: Bound;
  /** The lower bound. */
  readonly requestedStart: Instant;
  /** First instant with usage to report: the lower bound, or the server's history edge where that is later. */
  readonly start: Instant;
  /** Exclusive: the upper bound's millisecond is included whole. */
  readonly end: Instant;
}

/** An answer other than 200, with the API's own error body. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, code: string | undefined, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  answer(): ShortAnswer {
    const { status, code, message } = this;
    return { status, headers: {}, body: code === undefined ? { message } : { message, code } };
  }
}

const badRequest = (message: string) => new Refusal(400, 'BAD_REQUEST', message);

export interface Route {
  readonly routeName: string;
  readonly dataType: DataType;
  readonly format: 'csv' | 'json';
}

/** `/export/{dataType}[/csv|/json]`; without a format the answer is the CSV answer. undefined = no such route. */
export function routeOf(path: string): Route | undefined {
  const [, routeName, format] = /^\/export\/([a-z-]+)(?:\/(csv|json))?$/.exec(path) ?? [];
  const dataType = routeName === undefined ? undefined : dataTypeNamed(routeName);
  if (routeName === undefined || dataType === undefined) return undefined;
  return { routeName, dataType, format: format === 'json' ? 'json' : 'csv' };
}

/** Validates a body as the contract says. `needsZ`: live versions exist that accept only dates with a trailing Z. */
export function readExport(
  route: Route,
  body: unknown,
  { workspace, byok, needsZ }: { workspace: string; byok: boolean; needsZ: boolean },
): ExportRequest {
  if (!isObject(body)) throw badRequest('The request body must be a JSON object');
  const from = readBound('from', body.from, needsZ);
  const to = readBound('to', body.to, needsZ);
  const groupBy = readGroupBy(route, body.group_by, byok);
  const { start, end } = readBounds(from, to);
  return { ...route, workspace, groupBy, from, to, requestedStart: start, start, end };
}

function readGroupBy(route: Route, value: unknown, byok: boolean): GroupBy | undefined {
  if (value === undefined) return undefined;
  const supported = GROUPINGS[route.dataType].filter((grouping) => grouping !== 'deployment' || byok);
  const found = supported.find((grouping) => grouping === value);
  if (found === undefined) throw badRequest(`group_by=${value} is not supported for ${route.routeName} exports`);
  return found;
}

function readBound(name: 'from' | 'to', value: unknown, needsZ: boolean): Bound {
  if (!isObject(value)) throw badRequest(`${name} must be an object with date and timezone`);
  const { date, timezone } = value;
  if (typeof date !== 'string' || typeof timezone !== 'string') {
    throw badRequest(`${name}.date and ${name}.timezone must be strings`);
  }
  if (needsZ && !date.endsWith('Z')) throw badRequest(`${name}.date must end in Z`);
  return { date, timezone };
}

function readBounds(from: Bound, to: Bound): { start: Instant; end: Instant } {
  try {
    return readRequest({ from, to });
  } catch (error) {
    if (error instanceof ExportdError && error.code === 'BAD_REQUEST') throw badRequest(error.message);
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
