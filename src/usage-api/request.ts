import { z } from 'zod';
import { GROUPINGS } from '../core/contract.ts';
import { readRequest } from '../core/request.ts';
import type { DataType, Instant, Report } from '../core/words.ts';
import { type DateRange, dateRange } from './date-range.ts';
import { badRequest } from './refusal.ts';

/** A route of the API. */
export interface ExportRoute {
  readonly dataType: DataType;
  /** The data type as the route writes it: `agents` or `assistants`. */
  readonly name: string;
  readonly format: 'csv' | 'json';
}

/** What one POST asks for. */
export interface ExportRequest extends ExportRoute {
  readonly report: Report;
  /** The first and the last millisecond. */
  readonly from: Instant;
  readonly to: Instant;
  readonly dateRange: DateRange;
  /** The dates as they were written: `2024-01-01`. */
  readonly dates: { readonly from: string; readonly to: string };
}

const bound = (what: string, date: string) =>
  z
    .strictObject({
      date: z.string().meta({
        description: 'Wall-clock time in `timezone`. A `Z` at its end is dropped; an offset is refused.',
        examples: [date, `${date}Z`],
      }),
      timezone: z.string().meta({
        description: 'A name of the tz database, such as Europe/Berlin, or UTC.',
        examples: ['UTC', 'Europe/Berlin'],
      }),
    })
    .meta({ description: what });

/** The body of an export request. What a grouping and a date must be is said by `readExport`, in the API's own words. */
export function exportBody(dataType: DataType) {
  const groupings = GROUPINGS[dataType];
  const supported = groupings.length === 0 ? {} : { enum: [...groupings] };
  const alone = dataType === 'models' ? ' `deployment` only where the workspace brings its own keys.' : '';
  return z.strictObject({
    from: bound('The first moment of the period.', '2024-01-01T00:00:00.000'),
    to: bound('The last moment of the period, to its whole millisecond.', '2024-01-31T23:59:59.999'),
    group_by: z
      .string()
      .optional()
      .meta({
        description: groupings.length === 0 ? 'Not supported for these exports.' : `One row for each.${alone}`,
        ...supported,
      }),
  });
}

export type ExportBody = z.output<ReturnType<typeof exportBody>>;

/** ClickHouse's times. */
const EARLIEST = Date.parse('1900-01-01T00:00:00.000Z');
const LATEST = Date.parse('2299-12-31T23:59:59.999Z');

/** Reads a body of the right form. Throws a 400 that says which field and why; whether there are deployments is seen later. */
export function readExport(route: ExportRoute, body: ExportBody): ExportRequest {
  const groupBy = GROUPINGS[route.dataType].find((grouping) => grouping === body.group_by);
  if (body.group_by !== undefined && groupBy === undefined) throw unsupported(body.group_by, route);
  const { start, end } = readRequest(body);
  const [from, to] = [start, end - 1];
  if (from < EARLIEST) throw badRequest('from.date must not lie before 1900');
  if (to > LATEST) throw badRequest('to.date must not lie after 2299');
  return {
    ...route,
    report: { dataType: route.dataType, groupBy },
    from,
    to,
    dateRange: dateRange(body, { from, to }, route.format),
    dates: { from: body.from.date.slice(0, 10), to: body.to.date.slice(0, 10) },
  };
}

/** Text of a client's own, in its answer: not more than shows which it was. */
const LONGEST_QUOTE = 100;

export function unsupported(groupBy: string, { name }: ExportRoute) {
  return badRequest(`group_by=${groupBy.slice(0, LONGEST_QUOTE)} is not supported for ${name} exports`);
}
