/**
 * `npm run readme`: rewrites the tables of README.md from the registry and from the raw numbers under bench/results/,
 * so that no figure there is typed by hand. Each table names the command that made its numbers.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ComparisonReport } from '../src/compare/result.ts';
import { type Point, pointsOf, seriesOf } from '../src/compare/series.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { formatBytes, formatError, formatMilliseconds, formatPercent, formatRatio } from '../src/terminal/format.ts';
import { allVariants } from '../src/variants/registry.ts';

interface Raw<Row> {
  environment: ComparisonReport['environment'];
  rows: Row[];
}

interface ScalingRow {
  variant: string;
  training: boolean;
  length?: number;
  milliseconds: number;
  peakBytes: number;
  timeSlope?: number | null;
  memorySlope?: number | null;
}

interface KernelRow {
  what: string;
  threads: number;
  milliseconds: number;
  rate: number;
  unit: string;
}

const root = new URL('../', import.meta.url);
const readmeFile = fileURLToPath(new URL('README.md', root));
const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(`bench/results/${name}.json`, root), 'utf8')) as T;

const comparison = read<ComparisonReport>('compare');
const scaling = read<Raw<ScalingRow>>('scaling');
const kernels = read<Raw<KernelRow>>('kernels');

/** The middle one of the budgets of each variant, averaged over the layers. */
const middle = new Map<string, Point>(
  seriesOf(comparison.results).map((series) => {
    const points = pointsOf(series);
    return [series.variant, points[Math.floor((points.length - 1) / 2)]];
  }),
);

let text = readFileSync(readmeFile, 'utf8');
text = withSection(text, 'compare', comparisonTable());
text = withSection(text, 'variants', variantsTable());
text = withSection(text, 'speed', speedTables());
writeFileAtomically(readmeFile, text);

function withSection(whole: string, name: string, section: string): string {
  const pattern = new RegExp(`(<!-- ${name}: [^>]*-->)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!pattern.test(whole)) throw new Error(`README.md: no section '${name}'`);
  return whole.replace(pattern, (_, open: string, close: string) => `${open}\n${section}\n${close}`);
}

function comparisonTable(): string {
  const rows = [...middle].map(([variant, point]) => [
    variant,
    point.budget === null ? '' : `${point.budget.symbol} = ${point.budget.value}`,
    formatError(point.error),
    formatMilliseconds(point.milliseconds),
    formatRatio(point.fullMilliseconds / point.milliseconds),
    formatBytes(point.peakBytes),
    formatPercent(point.share),
  ]);
  const titles = ['variant', 'budget', 'error', 'time', 'speed-up', 'memory', 'FLOPs of full'];
  return `${markdown(titles, rows)}\n\n${machine(comparison.environment, 'npm start -- --json bench/results/compare.json')} One budget each,
mean of two layers; the command prints all of them, with total-variation distance and top-k recall of the attention rows.`;
}

function variantsTable(): string {
  const slope = (variant: string, of: 'timeSlope' | 'memorySlope') => {
    const row = scaling.rows.find((each) => each.variant === variant && !each.training && each.length === undefined);
    return row?.[of]?.toFixed(2) ?? '';
  };
  const rows = allVariants().map((variant) => {
    const { name, paper, complexity, exactness, supports } = variant;
    const point = middle.get(name);
    const yes = (value: boolean) => (value ? 'yes' : '');
    return [
      `[${name}](src/variants/${name}.ts)`,
      `[${paper.authors} ${paper.year}](https://arxiv.org/abs/${paper.arxiv})`,
      complexity,
      exactness.replaceAll('-', ' '),
      yes(supports.causal),
      yes(supports.incremental),
      slope(name, 'timeSlope'),
      slope(name, 'memorySlope'),
      point === undefined ? '' : formatError(point.error),
    ];
  });
  const titles = ['file', 'paper', 'cost', 'result', 'causal', 'decode', 'time slope', 'memory slope', 'error'];
  return `${markdown(titles, rows)}

Slopes are those of log time and log memory over log length, forward, at one fixed budget
(\`npm run bench -- --suite scaling\`); 1 is linear. The error is the one above.`;
}

function speedTables(): string {
  const lengths = [...new Set(scaling.rows.flatMap(({ length }) => (length === undefined ? [] : [length])))];
  const rows = allVariants().map(({ name }) => {
    const at = (length: number, training: boolean) =>
      scaling.rows.find((row) => row.variant === name && row.length === length && row.training === training);
    const forward = lengths.map((length) => {
      const row = at(length, false);
      return row === undefined ? '' : formatMilliseconds(row.milliseconds);
    });
    const both = at(lengths[1], true);
    const longest = at(lengths[lengths.length - 1], false);
    return [
      name,
      ...forward,
      both === undefined ? '' : formatMilliseconds(both.milliseconds),
      longest === undefined ? '' : formatBytes(longest.peakBytes),
    ];
  });
  const titles = [
    'forward pass',
    ...lengths.map(String),
    `with backward, ${lengths[1]}`,
    `memory, ${lengths[lengths.length - 1]}`,
  ];
  const kernelRows = kernels.rows.map(({ what, threads, milliseconds, rate, unit }) => [
    what,
    String(threads),
    formatMilliseconds(milliseconds),
    unit === '' ? '' : `${(rate / 1e9).toFixed(2)} G${unit}/s`,
  ]);
  return `${markdown(titles, rows)}

${machine(scaling.environment, 'npm run bench -- --suite scaling')} Two heads of width 64; memory is the peak
of tensor memory beyond the inputs.

${markdown(['kernel', 'threads', 'time', 'rate'], kernelRows)}

${machine(kernels.environment, 'npm run bench -- --suite kernels')}`;
}

function machine({ cpu, threads, node, kernels: set, date }: ComparisonReport['environment'], command: string): string {
  return `Measured on ${date.slice(0, 10)} by \`${command}\` on ${cpu}, ${threads} threads, Node ${node}, ${set} kernels.`;
}

function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
