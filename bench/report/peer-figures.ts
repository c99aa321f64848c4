/** Plots of other libraries and this one: attention against length, and products below the roof of multiply-adds. */
import { decades, even, powersOfTwo } from '../../src/compare/report/axes.ts';
import type { Chart, ChartLine } from '../../src/compare/report/chart.ts';
import { formatMillisecondsShort } from '../../src/compare/report/ticks.ts';
import { formatMilliseconds, formatPercent, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { contestantName, type PeerRow } from './results.ts';

/** Rows of full attention and of products; a library keeps its colour and marker through all plots. */
type Placed = PeerRow & { name: string; index: number };

const LENGTH_LABEL = 'length in tokens';
const ROOFS = {
  javascript: 'peak, JavaScript',
  wasm: 'peak, WebAssembly',
  'wasm-fused': 'peak, fused',
  native: 'peak, native',
} as const;

/** Time of full attention against length: a plot for each number of heads, kind of pass and number of threads. */
export function attentionCharts(rows: readonly PeerRow[]): Chart[] {
  const full = placed(rows).filter(({ task, computes }) => task.kind === 'attention' && computes === 'full');
  return [...new Set(full.map(attentionTitle))].flatMap((title, index) => {
    const own = full.filter((row) => attentionTitle(row) === title);
    const lines = linesOf(own, ({ milliseconds }) => milliseconds);
    if (lines.length === 0) return [];
    const [xs, ys] = coordinates(lines);
    return {
      id: `attention-${index}`,
      title,
      description: `Time of full attention against length, for each library. ${title}.`,
      x: powersOfTwo(xs, { label: LENGTH_LABEL, format: formatWhole }),
      y: decades(ys, { label: 'time', format: formatMillisecondsShort }),
      lines,
    };
  });
}

/** Rate of products against their size, below what multiply-adds of each kind of instructions give. */
export function productCharts(rows: readonly PeerRow[]): Chart[] {
  return rateCharts(rows, 'Products of n × n matrices', 'n', ({ task }) => task.kind === 'product');
}

/** Rate of full attention, forward, of one head. */
export function attentionRateCharts(rows: readonly PeerRow[]): Chart[] {
  return rateCharts(rows, 'Full attention, forward, 1 head', LENGTH_LABEL, ({ task, computes }) => {
    return task.kind === 'attention' && computes === 'full' && task.heads === 1 && !task.training;
  });
}

function rateCharts(
  rows: readonly PeerRow[],
  what: string,
  xLabel: string,
  belongs: (row: PeerRow) => boolean,
): Chart[] {
  const all = placed(rows);
  return [...new Set(all.map(({ threads }) => threads))].flatMap((threads) => {
    const here = all.filter((row) => row.threads === threads);
    const lines = linesOf(here.filter(belongs), ({ rate }) => (rate === undefined ? undefined : rate / 1e9));
    if (lines.length === 0) return [];
    const [xs] = coordinates(lines);
    const roofs = here
      .filter(({ task, rate }) => task.kind === 'peak' && rate !== undefined)
      .map((peak) => roofOf(peak, Math.min(...xs), Math.max(...xs)));
    const every = [...roofs, ...lines];
    const title = `${what}, ${threadsText(threads)}`;
    return {
      id: title.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase(),
      title,
      description: `Rate against size, for each library, below the peaks of multiply-adds. ${title}.`,
      x: powersOfTwo(xs, { label: xLabel, format: formatWhole }),
      y: even([0, ...coordinates(every)[1]], { label: 'GFLOP/s', format: formatWhole }),
      lines: every,
    };
  });
}

function roofOf({ instructions, rate = Number.NaN }: PeerRow, from: number, to: number): ChartLine {
  const y = rate / 1e9;
  const label = ROOFS[instructions];
  const tooltip = `${label}: ${y.toFixed(1)} GFLOP/s of multiply-adds`;
  return { label, index: null, points: [from, to].map((x) => ({ x, y, tooltip })) };
}

function placed(rows: readonly PeerRow[]): Placed[] {
  // Full attention first, so that those libraries have colours of their own before they repeat.
  const full = rows.filter(({ computes }) => computes === 'full');
  const names = [...new Set([...full, ...rows.filter(({ task }) => task.kind === 'product')].map(contestantName))];
  return rows.map((row) => ({ ...row, name: contestantName(row), index: names.indexOf(contestantName(row)) }));
}

function linesOf(rows: readonly Placed[], value: (row: Placed) => number | undefined): ChartLine[] {
  return [...new Set(rows.map(({ name }) => name))]
    .map((label) => {
      const own = rows.filter(({ name }) => name === label);
      const points = own.flatMap((row) => {
        const y = value(row);
        return y === undefined ? [] : [{ x: sizeOf(row), y, tooltip: tooltipOf(row) }];
      });
      return { label, index: own[0].index, points };
    })
    .filter(({ points }) => points.length > 0);
}

function tooltipOf({ name, milliseconds = Number.NaN, rate, share, ratio }: Placed): string {
  const figures = [formatMilliseconds(milliseconds)];
  if (ratio !== undefined) figures.push(`${formatRatio(ratio)} our time`);
  if (rate !== undefined) figures.push(`${(rate / 1e9).toFixed(1)} GFLOP/s`);
  if (share !== undefined) figures.push(`${formatPercent(share)} of the peak`);
  return `${name}\n${figures.join('\n')}`;
}

function sizeOf({ task }: PeerRow): number {
  if (task.kind === 'peak') return 0;
  return task.kind === 'product' ? task.size : task.length;
}

function coordinates(lines: readonly ChartLine[]): [number[], number[]] {
  const points = lines.flatMap((line) => line.points);
  return [points.map(({ x }) => x), points.map(({ y }) => y)];
}

function attentionTitle({ task, threads }: PeerRow): string {
  if (task.kind !== 'attention') return '';
  const heads = task.heads === 1 ? '1 head' : `${task.heads} heads`;
  const passes = task.training ? 'Forward and backward' : 'Forward';
  return `${passes}, ${heads}, ${threadsText(threads)}`;
}

export function threadsText(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`;
}
