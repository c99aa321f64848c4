/** A comparison as text for the terminal: what is compared, the table, what its columns mean, the crossovers. */
import { paint, type Style } from '../terminal/colour.ts';
import { formatError, formatPercent, formatRatio } from '../terminal/format.ts';
import { wrap } from '../terminal/help.ts';
import { formatTable, type TableCell, type TableOptions } from '../terminal/table.ts';
import { bestOfColumn, type ResultColumn, resultColumns } from './columns.ts';
import type { ComparisonInput } from './inputs.ts';
import type { ComparisonResult, Environment } from './result.ts';
import {
  describeCrossover,
  lengthsOf,
  mainLength,
  oracleError,
  type Point,
  pointsOf,
  REFERENCE_VARIANT,
  type Series,
  scalingPoints,
  seriesOf,
  sortResults,
  withReference,
} from './series.ts';

/** Beyond this, lines of prose are hard to read. */
const LEGEND_WIDTH = 100;

/** Columns whose titles do not say what they are. */
const EXPLAINED = ['error', 'TV', 'top-k', 'memory'];

/** Before the work: the input and the machine, a line each. */
export function formatHeading(
  { name, batch, heads, headDim, cases }: ComparisonInput,
  { threads, kernels, cpu, node }: Environment,
  { causal, seed }: { causal: boolean; seed: number },
  colour: boolean,
): string {
  const lengths = [...new Set(cases.map(({ length }) => length))].join(', ');
  const masking = causal ? 'causal' : 'not causal';
  const shape = [
    `batch ${batch}`,
    counted(heads, 'head'),
    `${lengths} tokens`,
    `width ${headDim}`,
    masking,
    `seed ${seed}`,
  ];
  const machine = [cpu, counted(threads, 'thread'), `${kernels} kernels`, `Node ${node}`];
  const facts = [shape, machine].map((parts) => painted('dim', parts.join(' · '), colour));
  return [painted('bold', name, colour), ...facts].join('\n');
}

/**
 * Rows by length and layer, full attention first and dim, the best approximations of a column green; below, what the
 * columns hold, and how far the yardstick itself can be trusted.
 */
export function formatResults(
  results: readonly ComparisonResult[],
  { colour = false, width = Number.POSITIVE_INFINITY }: TableOptions = {},
): string {
  const sorted = sortResults(withReference(results));
  const columns = resultColumns(sorted).map((column) => ({ ...column, winners: bestOfColumn(column, sorted) }));
  const rows = sorted.flatMap((result, row): (TableCell[] | null)[] => {
    const cells = columns.map((column): TableCell => {
      const text = column.text(result);
      if (result.variant === REFERENCE_VARIANT) return { text, style: 'dim' };
      return column.winners.has(result) ? { text, style: 'good' } : text;
    });
    const before = sorted[row - 1];
    const starts = before !== undefined && (before.length !== result.length || before.layer !== result.layer);
    return starts ? [null, cells] : [cells];
  });
  const table = formatTable(columns, rows, { colour, width });
  const titles = table.slice(0, table.indexOf('\n'));
  // A narrow terminal may have lost some of the columns.
  const explained = columns.filter(({ title }) => EXPLAINED.includes(title) && titles.includes(title));
  const legend = formatLegend(explained, oracleError(results), Math.min(width, LEGEND_WIDTH));
  if (colour && columns.some(({ winners }) => winners.size > 0)) legend.push('Green is the best of a column.');
  return [table, '', ...legend.map((line) => painted('dim', line, colour))].join('\n');
}

function formatLegend(columns: readonly ResultColumn[], oracleError: number, width: number): string[] {
  const titles = Math.max(...columns.map(({ title }) => title.length));
  const lines = columns.flatMap(({ title, explanation }) =>
    wrap(explanation, width - titles - 2).map((line, row) => `${(row === 0 ? title : '').padEnd(titles)}  ${line}`),
  );
  const trust = `Full attention itself is within ${formatError(oracleError)} of plain float64 loops (relative error).`;
  return [...lines, ...wrap(trust, width)];
}

/**
 * The nearest, the fastest and the smallest of the approximations, on average over layers, at the length with the most
 * results; empty where there is nothing to choose from.
 */
export function formatHighlights(results: readonly ComparisonResult[], options: TableOptions = {}): string {
  const approximations = seriesOf(results).filter(({ variant }) => variant !== REFERENCE_VARIANT);
  if (approximations.length === 0) return '';
  const length = mainLength(approximations.flatMap((series) => series.results));
  const candidates = approximations.flatMap((series) =>
    pointsOf(series)
      .filter((point) => point.length === length)
      .map((point) => ({ name: nameOfPoint(series, point), ...point })),
  );
  if (candidates.length < 2) return '';
  type Candidate = (typeof candidates)[number];
  const slowness = ({ milliseconds, fullMilliseconds }: Candidate): number => milliseconds / fullMilliseconds;
  const share = ({ peakBytes, fullPeakBytes }: Candidate): number => peakBytes / fullPeakBytes;
  const row = (title: string, value: (candidate: Candidate) => number): string[] => {
    const best = candidates.reduce((least, candidate) => (value(candidate) < value(least) ? candidate : least));
    return [
      title,
      best.name,
      formatError(best.error),
      formatRatio(1 / slowness(best)),
      `${formatPercent(share(best))} of full`,
    ];
  };
  const layers = Math.max(...candidates.map((candidate) => candidate.layers));
  const scope = [
    ...(lengthsOf(results).length > 1 ? [`at ${length} tokens`] : []),
    ...(layers > 1 ? [`mean of ${layers} layers`] : []),
  ];
  const titles = [scope.join(', ') || 'best', 'variant', 'error', 'speed-up', 'memory'];
  const rows = [row('smallest error', ({ error }) => error), row('fastest', slowness), row('least memory', share)];
  return formatTable(
    titles.map((title) => ({ title })),
    rows,
    options,
  );
}

/** Where each variant begins to be faster than full attention; empty unless several lengths were measured. */
export function formatCrossovers(results: readonly ComparisonResult[]): string {
  if (lengthsOf(results).length < 2) return '';
  const lines = seriesOf(results)
    .filter(({ variant }) => variant !== REFERENCE_VARIANT)
    .map((series): [string, string] => {
      const points = scalingPoints(pointsOf(series));
      return [nameOfPoint(series, points[points.length - 1]), describeCrossover(points)];
    });
  if (lines.length === 0) return '';
  const width = Math.max(...lines.map(([name]) => name.length));
  return ['Faster than full attention', ...lines.map(([name, when]) => `  ${name.padEnd(width)}  ${when}`)].join('\n');
}

function nameOfPoint({ label }: Series, { budget }: Point): string {
  return budget === null ? label : `${label}, ${budget.symbol} = ${budget.value}`;
}

function painted(style: Style, text: string, colour: boolean): string {
  return colour ? paint(style, text) : text;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
