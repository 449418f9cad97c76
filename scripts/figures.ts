/** `node scripts/figures.ts`: writes the figures of bench/results.json into README.md. No figure is typed in by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Figures {
  readonly wall: number;
  readonly cpu: number;
  readonly memory: number;
}

interface Comparison {
  readonly sides: Readonly<Record<string, Figures>>;
  readonly ratios: Readonly<Record<string, number>>;
}

export interface Results {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memory: string; readonly node: string };
  readonly results: {
    readonly S: Comparison;
    readonly L: Comparison;
    readonly Y: Comparison;
    readonly wide: Figures;
    readonly pace: Figures;
    readonly start: Readonly<Record<string, Figures>>;
  };
}

const WORKLOADS = {
  S: '30 days × 2,000 rows',
  L: 'one period × 1,000,000 rows',
  Y: '365 days × 2,000 rows',
} as const;

/** The README's table, line by line. */
export function figureLines({ machine, results }: Results): string[] {
  const rows = (['S', 'L', 'Y'] as const).map((name) => {
    const { sides, ratios } = results[name];
    const dlt = ratios['exportd / dlt on Arrow'];
    return [
      WORKLOADS[name],
      `${sides.exportd?.wall} s, ${sides.exportd?.memory} MB`,
      `${ratios['exportd / limit']}×`,
      `${ratios['same bytes again / limit']}×`,
      dlt === undefined ? '' : `${dlt}×`,
    ];
  });
  return [
    '| | exportd | against the limit | the same bytes again | against dlt on Arrow |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `1,000,000 rows × 30 columns: ${results.wide.memory} MB at the peak. Planning 1,000 jobs × 365 days on a full ledger: ` +
      `${results.start['plan, 1,000 jobs × 365 days']?.cpu} s of CPU.`,
    `Measured on ${machine.cores} shared cores (${machine.cpu.trim()}), Node ${machine.node.replace('v', '')}.`,
  ];
}

const BEGIN = '<!-- figures: written by `node scripts/figures.ts` from bench/results.json -->';
const END = '<!-- /figures -->';

/** A README with the figures in their place. */
export function withFigures(readme: string, results: Results): string {
  const begin = readme.indexOf(BEGIN) + BEGIN.length;
  const end = readme.indexOf(END);
  return `${readme.slice(0, begin)}\n${figureLines(results).join('\n')}\n${readme.slice(end)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = (path: string) => new URL(`../${path}`, import.meta.url);
  const results = JSON.parse(readFileSync(at('bench/results.json'), 'utf8')) as Results;
  writeFileSync(at('README.md'), withFigures(readFileSync(at('README.md'), 'utf8'), results));
}
