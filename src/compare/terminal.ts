/** A comparison as text for the terminal: its input, the table, the meaning of its columns, the crossovers. */
import { paint, type Style } from '../terminal/colour.ts';
import { counted, formatError, formatPercent, formatRatio, formatWhole } from '../terminal/format.ts';
import { formatTable, type TableCell, type TableOptions } from '../terminal/table.ts';
import { formatPairs, proseWidth, wrap, wrapLines } from '../terminal/width.ts';
import { bestOf, memoryShare, slowness } from './best.ts';
import { bestOfColumn, type ResultColumn, resultColumns, STREAMS } from './columns.ts';
import { type RankedPoint, rankedPoints } from './front.ts';
import { describeAbsentGates } from './gates.ts';
import type { ComparisonInput } from './inputs.ts';
import { barAt, type Measurements, rankedGroups, type Section } from './judge.ts';
import type { ComparisonResult, Environment } from './result.ts';
import {
  describeCrossover,
  lengthsOf,
  nameOfPoint,
  oracleError,
  pointsOf,
  REFERENCE_VARIANT,
  scalingPoints,
  seriesOf,
} from './series.ts';

/** Columns whose titles do not say what they are. */
const EXPLAINED = ['error', 'TV', 'top-k', 'memory'];

/** Printed before the work: the input and the machine, one line each. */
export function formatHeading(
  { name, batch, heads, headDim, cases }: ComparisonInput,
  { threads, kernels, cpu, node }: Environment,
  { causal, seed }: { causal: boolean; seed: number },
  { colour = false, width }: TableOptions = {},
): string {
  const lengths = [...new Set(cases.map(({ length }) => formatWhole(length)))].join(', ');
  const masking = causal ? 'causal' : 'not causal';
  const shape = [
    `batch ${batch}`,
    counted(heads, 'head'),
    `${lengths} ${lengths === '1' ? 'token' : 'tokens'}`,
    `width ${headDim}`,
    masking,
    `seed ${seed}`,
  ];
  const machine = [cpu, counted(threads, 'thread'), `${kernels} kernels`, `Node ${node}`];
  const facts = [shape, machine].flatMap((parts) => wrap(parts.join(' · '), width, / (?=· )/));
  const names = wrap(name, width).map((line) => painted('bold', line, colour));
  return [...names, ...facts.map((line) => painted('dim', line, colour))].join('\n');
}

/**
 * Rows by length and layer: full attention first and dim, the approximations by error, then the other variants, with the
 * reason above them, then the baselines; the best of a column green. Below, the meaning of the columns, and the accuracy of
 * full attention itself.
 */
export function formatResults(measured: Measurements, { colour = false, width }: TableOptions = {}): string {
  const groups = rankedGroups(measured);
  const all = groups.flatMap(({ sections }) => sections.flatMap(({ rows }) => rows));
  const columns = resultColumns(all).map((column) => ({ ...column, winners: bestOfColumn(column, groups) }));
  const cellsOf = (result: ComparisonResult, kind: Section<unknown>['kind']): TableCell[] =>
    columns.map((column): TableCell => {
      const text = column.text(result);
      if (kind === 'reference' || kind === 'baseline') return { text, style: 'dim' };
      return column.winners.has(result) ? { text, style: 'good' } : text;
    });
  const rows = groups.flatMap(({ sections }, group) => [
    ...(group === 0 ? [] : [null]),
    ...sections.flatMap(({ kind, title, rows }) => [
      ...(title === '' ? [] : [{ heading: title }]),
      ...rows.map((result) => cellsOf(result, kind)),
    ]),
  ]);
  const table = formatTable(columns, rows, { colour, width });
  const titles = table.slice(0, table.indexOf('\n'));
  // A narrow terminal may have lost some of the columns.
  const explained = columns.filter(({ title }) => EXPLAINED.includes(title) && titles.includes(title));
  const legend = formatLegend(explained, oracleError(measured.results), proseWidth(width));
  const gates = describeAbsentGates(measured.results);
  if (gates !== '') legend.push(...wrap(gates, proseWidth(width)));
  if (colour && columns.some(({ winners }) => winners.size > 0)) {
    legend.push(
      ...wrap('Green marks the best of a column, among approximations that beat the baselines.', proseWidth(width)),
    );
  }
  return [table, '', ...legend.map((line) => painted('dim', line, colour))].join('\n');
}

function formatLegend(columns: readonly ResultColumn[], oracleError: number, width: number): string[] {
  const pairs = columns.map(({ title, explanation }) => [title, explanation] as const);
  const lines = pairs.length === 0 ? [] : formatPairs(pairs, width).split('\n');
  const trust = `Full attention itself is within ${formatError(oracleError)} of plain float64 loops (relative error).`;
  return [...lines, ...wrap(STREAMS, width), ...wrap(trust, width)];
}

/**
 * The nearest, the fastest and the smallest of the approximations that beat the baselines in every layer, by means over
 * layers, at the length with the most results, and a sentence about each of these that does not exist; empty if there is no choice.
 */
export function formatHighlights({ results, baselines }: Measurements, options: TableOptions = {}): string {
  const compared = rankedPoints({ results, baselines });
  if (compared.length === 0) return '';
  const [{ length }] = compared;
  const { nearest, fastest, smallest, notes } = bestOf(compared, barAt(baselines, { length }));
  const prose = wrapLines(notes.join('\n'), options.width);
  if (compared.length < 2) return compared[0].standing === 'no-nearer' ? prose : '';
  if (nearest === null) return prose;
  const row = (title: string, best: RankedPoint | null): string[][] => {
    if (best === null) return [];
    const share = `${formatPercent(memoryShare(best))} of full`;
    return [[title, best.name, formatError(best.error), formatRatio(1 / slowness(best)), share]];
  };
  const { layers } = nearest;
  const scope = [
    ...(lengthsOf(results).length > 1 ? [`at ${counted(length, 'token')}`] : []),
    ...(layers > 1 ? [`mean of ${layers} layers`] : []),
  ];
  const titles = [scope.join(', ') || 'best', 'variant', 'error', 'speed-up', 'memory'];
  const table = formatTable(
    titles.map((title) => ({ title })),
    [...row('smallest error', nearest), ...row('fastest', fastest), ...row('least memory', smallest)],
    options,
  );
  return prose === '' ? table : `${table}\n\n${prose}`;
}

/** The length from which each variant is faster than full attention; empty unless several lengths were measured. */
export function formatCrossovers(results: readonly ComparisonResult[], { width }: TableOptions = {}): string {
  if (lengthsOf(results).length < 2) return '';
  const lines = seriesOf(results)
    .filter(({ variant }) => variant !== REFERENCE_VARIANT)
    .map((series): [string, string] => {
      const points = scalingPoints(pointsOf(series));
      return [nameOfPoint(series, points[points.length - 1]), describeCrossover(points)];
    });
  if (lines.length === 0) return '';
  const pairs = lines.map(([name, when]) => [`  ${name}`, when] as const);
  return `Faster than full attention\n${formatPairs(pairs, width)}`;
}

function painted(style: Style, text: string, colour: boolean): string {
  return colour ? paint(style, text) : text;
}
