/** Plots of our variants against length: time and memory with their slopes, and how much faster than full attention. */
import { decades, powersOfTwo } from '../../src/compare/report/axes.ts';
import type { Chart, ChartLine } from '../../src/compare/report/chart.ts';
import { looksOf } from '../../src/compare/report/family-looks.ts';
import { formatBytesShort, formatMillisecondsShort } from '../../src/compare/report/ticks.ts';
import { fittedSlope, REFERENCE_VARIANT } from '../../src/compare/series.ts';
import { formatRatio, formatWhole } from '../../src/terminal/format.ts';
import type { CrossoverRow, ScalingRow } from './results.ts';

type Measured = ScalingRow & { length: number };

export const PASSES = ['Forward', 'Forward and backward'] as const;
const LENGTH = { label: 'length in tokens', format: formatWhole };

/** Time against length, forward and with gradients; the number next to a name is its slope. */
export function timeCharts(rows: readonly ScalingRow[]): Chart[] {
  return growthCharts(rows, 'time', ({ milliseconds }) => milliseconds, formatMillisecondsShort, decades);
}

/** Peak memory against length, likewise. */
export function memoryCharts(rows: readonly ScalingRow[]): Chart[] {
  return growthCharts(rows, 'memory', ({ peakBytes }) => peakBytes, formatBytesShort, powersOfTwo);
}

function growthCharts(
  rows: readonly ScalingRow[],
  what: 'time' | 'memory',
  value: (row: Measured) => number,
  format: (value: number) => string,
  axisFor: typeof decades,
): Chart[] {
  const measured = rows.filter((row): row is Measured => row.length !== undefined);
  return PASSES.map((passes, pass) => {
    const title = `${what === 'time' ? 'Time' : 'Memory'}, ${passes.toLowerCase()}`;
    const own = measured.filter(({ training }) => training === (pass === 1));
    const lines = linesOf(own, value, format).map((line) => ({ ...line, label: withSlope(line) }));
    return {
      id: `${what}-${pass}`,
      title,
      description: `${what} against length, both logarithmic, for each variant; ${passes.toLowerCase()}.`,
      x: powersOfTwo(
        own.map(({ length }) => length),
        LENGTH,
      ),
      y: axisFor(own.map(value), { label: what === 'time' ? 'time' : 'peak memory beyond the inputs', format }),
      lines,
    };
  });
}

/** Full attention's time over each variant's. */
export function speedUpCharts(rows: readonly CrossoverRow[]): Chart[] {
  return PASSES.map((title, pass) => {
    const own = rows.filter(({ training, variant }) => training === (pass === 1) && variant !== REFERENCE_VARIANT);
    return {
      id: `speed-up-${pass}`,
      title,
      description: `How many times faster than full attention, against length; ${title.toLowerCase()}.`,
      x: powersOfTwo(
        own.map(({ length }) => length),
        LENGTH,
      ),
      y: decades([1, ...own.map(({ speedUp }) => speedUp)], {
        label: 'times faster than full attention',
        format: (ratio) => `${ratio}×`,
      }),
      lines: linesOf(own, ({ speedUp }) => speedUp, formatRatio),
      mark: { axis: 'y', at: 1, label: 'as fast as full attention' },
    };
  });
}

/** A line a variant; full attention, where it is among them, is the dashed grey one. */
function linesOf<Row extends { variant: string; length: number }>(
  rows: readonly Row[],
  value: (row: Row) => number,
  format: (value: number) => string,
): ChartLine[] {
  const names = [...new Set(rows.map(({ variant }) => variant))];
  const looks = looksOf(names);
  return names.map((label, n) => {
    const points = rows
      .filter(({ variant }) => variant === label)
      .map((row) => ({
        x: row.length,
        y: value(row),
        tooltip: `${label}, ${formatWhole(row.length)} tokens: ${format(value(row))}`,
      }));
    return { label, ...(label === REFERENCE_VARIANT ? { index: null } : looks[n]), points };
  });
}

function withSlope({ label, points }: ChartLine): string {
  const slope = fittedSlope(
    points.map(({ x, y }) => ({ length: x, y })),
    0,
  );
  return Number.isNaN(slope) ? label : `${label} ${slope.toFixed(2)}`;
}
