import { METADATA_COLUMNS } from '../core/columns.ts';
import type { Column } from '../core/words.ts';

const DESCRIPTIONS: Readonly<Record<(typeof METADATA_COLUMNS)[number]['name'], string>> = {
  _period_key: 'Names the period of one report of one source for ever; a load replaces the rows of its key',
  _period_date: 'Local date of the period: of its start, or of its last day where it spans several',
  _period_start: 'First instant of the period',
  _period_end: 'First instant after the period',
  _source: "The source's key",
  _load_id: 'The load that brought the row; see _exportd_loads',
  _extracted_at: 'When the export was requested',
};

/** The metadata columns of every data table, described. */
export const METADATA: readonly Column[] = METADATA_COLUMNS.map(({ name, type }) => ({
  name,
  type,
  description: DESCRIPTIONS[name],
}));
