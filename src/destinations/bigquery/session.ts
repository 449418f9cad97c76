import { ExportdError } from '../../core/errors.ts';
import { connect, type Place, type Service } from './connect.ts';
import { BigQueryFailure, kindOf } from './failure.ts';
import type { DatasetResource, TableResource } from './resources.ts';
import { quoteName } from './sql.ts';

/** What the YAML says of tables and jobs. */
export interface Settings {
  /** On every table and job. */
  readonly labels: Readonly<Record<string, string>>;
  /** Bytes that one query or script may be billed for. */
  readonly maximumBytesBilled: string | undefined;
  /** Milliseconds after which a partition goes. */
  readonly partitionExpiration: number | undefined;
  readonly requirePartitionFilter: boolean;
}

/** The dataset, reached: where it is, and how its tables are named. */
export interface Session {
  readonly place: Place;
  readonly settings: Settings;
  readonly service: Service;
  /** Of the dataset, and of every job. */
  readonly location: string;
  /** undefined: it is not there yet. */
  readonly dataset: DatasetResource | undefined;
  /** The table's name in SQL. */
  table(name: string): string;
  stagingTable(name: string): string;
}

/** Where a dataset is made that nobody gave a location: BigQuery's own default. */
const DEFAULT_LOCATION = 'US';

export interface SessionOptions {
  readonly place: Place;
  readonly settings: Settings;
  readonly userAgent: string;
}

export interface Sessions {
  /** Reaches the dataset once, and again where that failed or it was not there. */
  open(signal?: AbortSignal): Promise<Session>;
  /** Something that was there is gone: perhaps the dataset, and what was known of it. */
  forget(): void;
}

export function sessions(options: SessionOptions): Sessions {
  const { place, settings } = options;
  let service: Promise<Service> | undefined;
  let opened: Session | undefined;

  async function open(signal?: AbortSignal): Promise<Session> {
    signal?.throwIfAborted();
    if (opened?.dataset !== undefined) return opened;
    service ??= connect(place, options.userAgent);
    let connected: Service;
    try {
      connected = await service;
    } catch (error) {
      service = undefined;
      throw error;
    }
    const dataset = await getDataset(connected, place.project, place.dataset, signal);
    opened = {
      place,
      settings,
      service: connected,
      dataset,
      location: agreedLocation(place, dataset),
      table: (name) => quoteName(`${place.project}.${place.dataset}.${name}`),
      stagingTable: (name) => quoteName(`${place.project}.${place.stagingDataset}.${name}`),
    };
    return opened;
  }

  return {
    open,
    forget() {
      opened = undefined;
    },
  };
}

/** A job finds a dataset in its own location alone, and says of any other that it is not there. */
function agreedLocation({ name, location }: Place, dataset: DatasetResource | undefined): string {
  const its = dataset?.location;
  if (its === undefined) return location ?? DEFAULT_LOCATION;
  if (location === undefined || location.toUpperCase() === its.toUpperCase()) return its;
  throw new ExportdError(
    'DESTINATION_UNREACHABLE',
    `destination ${name}: dataset ${dataset?.datasetReference.datasetId} is in ${its}, not in ${location}`,
    { scope: 'destination', hint: `Set location: ${its}, or leave it out: the dataset's own is looked up.` },
  );
}

export async function getDataset(
  service: Service,
  project: string,
  dataset: string,
  signal?: AbortSignal,
): Promise<DatasetResource | undefined> {
  return await unlessMissing(
    service.send<DatasetResource>({ method: 'GET', path: datasetPath(project, dataset) }, signal),
  );
}

export async function getTable(
  { service, place }: Session,
  name: string,
  signal?: AbortSignal,
): Promise<TableResource | undefined> {
  const path = `${datasetPath(place.project, place.dataset)}/tables/${encodeURIComponent(name)}`;
  return await unlessMissing(service.send<TableResource>({ method: 'GET', path }, signal));
}

export function datasetPath(project: string, dataset: string): string {
  return `/projects/${encodeURIComponent(project)}/datasets/${encodeURIComponent(dataset)}`;
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof BigQueryFailure && kindOf(error) === 'missing') return undefined;
    throw error;
  }
}
