/** The parts of BigQuery's REST resources that exportd sends and reads. Numbers of 64 bits are texts there. */

export interface DatasetResource {
  readonly datasetReference: { readonly projectId: string; readonly datasetId: string };
  readonly location?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly description?: string;
  /** Milliseconds. */
  readonly defaultTableExpirationMs?: string;
  readonly defaultPartitionExpirationMs?: string;
}

export interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly description?: string;
  readonly precision?: string;
  readonly scale?: string;
}

export interface TableResource {
  readonly tableReference: { readonly projectId: string; readonly datasetId: string; readonly tableId: string };
  /** TABLE, VIEW, MATERIALIZED_VIEW, EXTERNAL, SNAPSHOT. */
  readonly type?: string;
  readonly description?: string;
  readonly schema?: { readonly fields?: readonly Field[] };
  readonly view?: { readonly query: string; readonly useLegacySql: boolean };
  readonly numRows?: string;
  /** Milliseconds since 1970. */
  readonly expirationTime?: string | null;
  readonly timePartitioning?: {
    readonly type: 'DAY' | 'MONTH';
    readonly field: string;
    readonly expirationMs?: string | null;
  };
  readonly requirePartitionFilter?: boolean;
  readonly clustering?: { readonly fields: readonly string[] };
  readonly labels?: Readonly<Record<string, string>>;
}

export interface JobResource {
  readonly jobReference: { readonly projectId: string; readonly jobId: string; readonly location: string };
  readonly configuration: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly jobTimeoutMs?: string;
    readonly query?: QueryConfiguration;
    readonly load?: LoadConfiguration;
  };
  readonly status?: {
    readonly state: 'PENDING' | 'RUNNING' | 'DONE';
    readonly errorResult?: { readonly reason?: string; readonly message?: string };
  };
  readonly statistics?: { readonly load?: { readonly outputRows?: string } };
}

export interface QueryConfiguration {
  readonly query: string;
  readonly useLegacySql: false;
  readonly parameterMode: 'NAMED';
  readonly queryParameters: readonly QueryParameter[];
  readonly maximumBytesBilled?: string;
}

export interface LoadConfiguration {
  readonly destinationTable: TableResource['tableReference'];
  readonly sourceFormat: 'PARQUET';
  readonly schema: { readonly fields: readonly Field[] };
  readonly createDisposition: 'CREATE_NEVER';
  readonly writeDisposition: 'WRITE_TRUNCATE';
  readonly decimalTargetTypes: readonly string[];
}

export interface QueryParameter {
  readonly name: string;
  readonly parameterType: { readonly type: string; readonly arrayType?: { readonly type: string } };
  readonly parameterValue: {
    readonly value?: string | null;
    readonly arrayValues?: readonly { readonly value: string }[];
  };
}

/** Of jobs.query and jobs.getQueryResults. */
export interface ResultsResource {
  readonly jobReference?: JobResource['jobReference'];
  readonly jobComplete: boolean;
  readonly pageToken?: string | null;
  readonly rows?: readonly { readonly f: readonly { readonly v: string | null }[] }[];
}
