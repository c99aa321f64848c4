/** The plots of the report: error against budget, error against time and memory, growth with length. */

import {
  counted,
  formatBytes,
  formatError,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../../terminal/format.ts';
import { barAt } from '../judge.ts';
import type { BaselineResult } from '../result.ts';
import {
  fittedSlope,
  mainLength,
  nameOfPoint,
  type Point,
  pointsOf,
  REFERENCE_VARIANT,
  type Series,
  scalingPoints,
} from '../series.ts';
import { decades, ERROR_FLOOR, errorAxis, powersOfTwo } from './axes.ts';
import type { Axis, Chart, ChartLine } from './chart.ts';
import { looksOf } from './family-looks.ts';
import { frontLine } from './front-line.ts';
import { formatBytesShort, formatMillisecondsShort, shortPercent, shortRatio } from './ticks.ts';

export interface DrawnSeries {
  series: Series;
  points: Point[];
}

const ERROR_LABEL = 'relative error of the output';
const FULL_LABEL = 'full attention';

/**
 * Error over the share of full attention's FLOPs, and over the budgets themselves if a variant has several; with a line at
 * the error of the best baseline.
 */
export function errorCharts(all: readonly Series[], baselines: readonly BaselineResult[] = []): Chart[] {
  const drawn = atMainLength(all);
  if (drawn.length === 0) return [];
  const bar = barAt(baselines, { length: drawn[0].points[0].length });
  const y = errorAxisOf(drawn, [bar.error]);
  const mark = { axis: 'y', at: bar.error, label: bar.baseline } as const;
  const byShare: Chart = {
    id: 'error-by-flops',
    title: 'By FLOPs',
    description: `${ERROR_LABEL} against the floating point operations, as a share of full attention's. Lower left is better.`,
    x: powersOfTwo(
      values(drawn, ({ share }) => share),
      { label: 'FLOPs, share of full attention’s', format: shortPercent },
    ),
    y,
    lines: [...frontLine(drawn, baselines), ...linesOf(drawn, ({ share }) => share)],
    mark,
  };
  const swept = drawn
    .map(({ series, points }) => ({ series, points: points.filter(({ budget }) => budget !== null) }))
    .filter(({ points }) => points.length > 0);
  if (swept.every(({ points }) => points.length < 2)) return [byShare];
  const budgetOf = ({ budget }: Point): number => budget?.value ?? Number.NaN;
  const byBudget: Chart = {
    id: 'error-by-budget',
    title: 'By budget',
    description: `${ERROR_LABEL} against each variant's own budget.`,
    x: powersOfTwo(values(swept, budgetOf), { label: budgetLabel(swept), format: formatWhole }),
    y,
    lines: linesOf(swept, budgetOf, ({ label, symbol }) => `${label} (${symbol})`),
    mark,
  };
  return [byShare, byBudget];
}

/** Error over speed-up and over the share of memory. */
export function costCharts(all: readonly Series[]): Chart[] {
  const drawn = atMainLength(all);
  if (drawn.length === 0) return [];
  const y = errorAxisOf(drawn);
  const speedUp = ({ fullMilliseconds, milliseconds }: Point): number => fullMilliseconds / milliseconds;
  const saving = ({ fullPeakBytes, peakBytes }: Point): number => fullPeakBytes / peakBytes;
  const even = { axis: 'x', at: 1, label: 'as full' } as const;
  return [
    {
      id: 'speed-up',
      title: 'Speed-up',
      description: `${ERROR_LABEL} against full attention's time divided by the variant's. Lower right is better.`,
      x: powersOfTwo([1, ...values(drawn, speedUp)], { label: 'times faster than full attention', format: shortRatio }),
      y,
      lines: linesOf(drawn, speedUp),
      mark: even,
    },
    {
      id: 'memory',
      title: 'Memory saved',
      description: `${ERROR_LABEL} against full attention's peak memory divided by the variant's. Lower right is better.`,
      x: powersOfTwo([1, ...values(drawn, saving)], {
        label: 'times less memory than full attention',
        format: shortRatio,
      }),
      y,
      lines: linesOf(drawn, saving),
      mark: even,
    },
  ];
}

/** Time and memory over length, both logarithmic, with full attention; none if there is only one length. */
export function scalingCharts(all: readonly Series[]): Chart[] {
  const drawn = scalingSeries(all);
  const lengths = values(drawn, ({ length }) => length);
  if (new Set(lengths).size < 2) return [];
  const x = powersOfTwo(lengths, { label: 'length in tokens', format: formatWhole });
  const chart = (
    id: string,
    title: string,
    what: string,
    format: (value: number) => string,
    own: (point: Point) => number,
    full: (point: Point) => number,
    axisFor: typeof decades,
  ): Chart => {
    const reference = fullLine(drawn, full, format);
    const looks = looksOf(drawn.map(({ series }) => series.variant));
    const lines = drawn.map(({ series, points }, n): ChartLine => {
      const drawnPoints = points.map((point) => ({
        x: point.length,
        y: own(point),
        tooltip: `${nameOfPoint(series, point)}, ${counted(point.length, 'token')}: ${format(own(point))}`,
      }));
      return { label: withSlope(series.label, drawnPoints), ...looks[n], points: drawnPoints };
    });
    const all = [...lines, { ...reference, label: withSlope(FULL_LABEL, reference.points) }];
    const y = axisFor(
      all.flatMap(({ points }) => points.map((point) => point.y)),
      { label: what, format },
    );
    return { id, title, description: `${what} against length, for each variant and full attention.`, x, y, lines: all };
  };
  return [
    chart(
      'time-by-length',
      'Time against length',
      'time of one forward pass',
      formatMillisecondsShort,
      ({ milliseconds }) => milliseconds,
      ({ fullMilliseconds }) => fullMilliseconds,
      decades,
    ),
    chart(
      'memory-by-length',
      'Memory against length',
      'peak memory beyond the inputs',
      formatBytesShort,
      ({ peakBytes }) => peakBytes,
      ({ fullPeakBytes }) => fullPeakBytes,
      powersOfTwo,
    ),
  ];
}

/** The series of approximations, each with the one budget that is drawn over length. */
export function scalingSeries(all: readonly Series[]): DrawnSeries[] {
  return approximations(all).map((series) => ({ series, points: scalingPoints(pointsOf(series)) }));
}

function fullLine(drawn: readonly DrawnSeries[], full: (point: Point) => number, format: (value: number) => string) {
  const measured = drawn.flatMap(({ points }) => points);
  const lengths = [...new Set(measured.map(({ length }) => length))].sort((a, b) => a - b);
  const points = lengths.map((length) => {
    // Full attention was timed alongside every variant: take the median.
    const sorted = measured
      .filter((point) => point.length === length)
      .map(full)
      .sort((a, b) => a - b);
    const y = sorted[Math.floor((sorted.length - 1) / 2)];
    return { x: length, y, tooltip: `${FULL_LABEL}, ${counted(length, 'token')}: ${format(y)}` };
  });
  return { label: FULL_LABEL, index: null, points };
}

function withSlope(label: string, points: readonly { x: number; y: number }[]): string {
  const slope = fittedSlope(points.map(({ x, y }) => ({ length: x, y })));
  return Number.isNaN(slope) ? label : `${label} ${slope.toFixed(2)}`;
}

function approximations(all: readonly Series[]): Series[] {
  return all.filter(({ variant }) => variant !== REFERENCE_VARIANT);
}

function atMainLength(all: readonly Series[]): DrawnSeries[] {
  const shown = approximations(all);
  if (shown.length === 0) return [];
  const length = mainLength(shown.flatMap(({ results }) => results));
  return shown
    .map((series) => ({ series, points: pointsOf(series).filter((point) => point.length === length) }))
    .filter(({ points }) => points.length > 0);
}

function linesOf(
  drawn: readonly DrawnSeries[],
  x: (point: Point) => number,
  label = (series: Series): string => series.label,
): ChartLine[] {
  const looks = looksOf(drawn.map(({ series }) => series.variant));
  return drawn.map(({ series, points }, n) => ({
    label: label(series),
    ...looks[n],
    points: points.map((point) => ({
      x: x(point),
      y: Math.max(point.error, ERROR_FLOOR),
      range: [Math.max(point.lowestError, ERROR_FLOOR), Math.max(point.highestError, ERROR_FLOOR)],
      tooltip: tooltip(series, point),
    })),
  }));
}

function tooltip(series: Series, point: Point): string {
  const range = point.layers === 1 ? '' : ` (${formatError(point.lowestError)} to ${formatError(point.highestError)})`;
  return [
    nameOfPoint(series, point),
    `error ${formatError(point.error)}${range}`,
    `${formatRatio(point.fullMilliseconds / point.milliseconds)} as fast, ${formatMilliseconds(point.milliseconds)}`,
    `${formatPercent(point.peakBytes / point.fullPeakBytes)} of the memory, ${formatBytes(point.peakBytes)}`,
    `${formatPercent(point.share)} of the FLOPs`,
  ].join('\n');
}

function errorAxisOf(drawn: readonly DrawnSeries[], beside: readonly number[] = []): Axis {
  const errors = drawn.flatMap(({ points }) =>
    points.flatMap(({ error, lowestError, highestError }) => [error, lowestError, highestError]),
  );
  return errorAxis([...errors, ...beside], ERROR_LABEL);
}

function values(drawn: readonly DrawnSeries[], value: (point: Point) => number): number[] {
  return drawn.flatMap(({ points }) => points.map(value));
}

/** `budget: attentionWindow w, projectedLength k`. */
function budgetLabel(drawn: readonly DrawnSeries[]): string {
  const names = drawn.map(({ points }) => `${points[0].budget?.symbol}`);
  return `budget (${[...new Set(names)].join(', ')})`;
}
