/** Turns the flat list of results into series for tables and plots: order, names, averages over layers, fitted slopes. */

import { formatWhole } from '../terminal/format.ts';
import { REFERENCE_VARIANT } from '../variants/reference.ts';
import type { ComparisonResult } from './result.ts';

export { REFERENCE_VARIANT };

/** The results of one variant, or of one way of setting its options when a file compares several. */
export interface Series {
  /** `performer`, or `performer features=hyperbolic` if that is needed to distinguish it from another series. */
  label: string;
  variant: string;
  /** The symbol of its budget, `w`; null if it has none. */
  symbol: string | null;
  /** The place among the series. It decides colour and marker. */
  index: number;
  results: ComparisonResult[];
}

/** One budget of a series at one length, averaged over the layers measured. */
export interface Point {
  budget: ComparisonResult['budget'];
  length: number;
  /** Mean relative error, and its range over layers. */
  error: number;
  lowestError: number;
  highestError: number;
  milliseconds: number;
  fullMilliseconds: number;
  peakBytes: number;
  fullPeakBytes: number;
  /** FLOPs as a share of full attention's. */
  share: number;
  layers: number;
  /** From its results, if they have it. */
  exactness?: ComparisonResult['exactness'];
  untrained?: boolean;
}

/**
 * The results with a row of full attention for every length and layer: if it was not among the compared variants, its row
 * comes from the measurements made alongside.
 */
export function withReference(results: readonly ComparisonResult[]): ComparisonResult[] {
  const groups = groupBy(results, ({ length, layer }) => JSON.stringify([length, layer]));
  return [...groups.values()].flatMap((group) => {
    if (group.some(({ variant }) => variant === REFERENCE_VARIANT)) return group;
    const { length, layer, sampledRows, fullMilliseconds, fullPeakBytes, fullFlops, fullOracleError } = group[0];
    const reference: ComparisonResult = {
      variant: REFERENCE_VARIANT,
      ...(layer === undefined ? {} : { layer }),
      options: {},
      budget: null,
      length,
      relativeError: 0,
      maxAbsError: 0,
      totalVariation: 0,
      topKRecall: 1,
      sampledRows,
      milliseconds: fullMilliseconds,
      fullMilliseconds,
      peakBytes: fullPeakBytes,
      fullPeakBytes,
      flops: fullFlops,
      fullFlops,
      fullOracleError,
    };
    return [reference, ...group];
  });
}

/** By length, layer and series in the order they first appear (full attention first), then by budget. */
export function sortResults(results: readonly ComparisonResult[]): ComparisonResult[] {
  const labels = labelsOf(results);
  const layers = new Map([...new Set(results.map(({ layer }) => layer))].map((layer, index) => [layer, index]));
  const order = new Map([...new Set(labels.values())].map((label, index) => [label, index]));
  const place = (result: ComparisonResult): number[] => [
    result.length,
    layers.get(result.layer) ?? 0,
    result.variant === REFERENCE_VARIANT ? -1 : (order.get(labels.get(result) ?? '') ?? 0),
    result.budget?.value ?? 0,
  ];
  return [...results].sort((a, b) => {
    const [left, right] = [place(a), place(b)];
    const differs = left.findIndex((value, index) => value !== right[index]);
    return differs === -1 ? 0 : left[differs] - right[differs];
  });
}

export function seriesOf(results: readonly ComparisonResult[]): Series[] {
  const labels = labelsOf(results);
  const byLabel = groupBy(results, (result) => labels.get(result) ?? result.variant);
  return [...byLabel].map(([label, own], index) => ({
    label,
    variant: own[0].variant,
    symbol: own.find(({ budget }) => budget !== null)?.budget?.symbol ?? null,
    index,
    results: own,
  }));
}

/**
 * A name for each result: its variant, and the options that distinguish results of the same variant, budget, length and
 * layer.
 */
export function labelsOf(results: readonly ComparisonResult[]): Map<ComparisonResult, string> {
  const distinguishing = new Map<string, Set<string>>();
  const alike = groupBy(results, ({ variant, budget, length, layer }) =>
    JSON.stringify([variant, budget?.value, length, layer]),
  );
  for (const group of alike.values()) {
    const keys = distinguishing.get(group[0].variant) ?? new Set<string>();
    for (const key of new Set(group.flatMap(({ options }) => Object.keys(options)))) {
      if (new Set(group.map(({ options }) => JSON.stringify(options[key]))).size > 1) keys.add(key);
    }
    distinguishing.set(group[0].variant, keys);
  }
  return new Map(
    results.map((result) => {
      const notes = [...(distinguishing.get(result.variant) ?? [])].map(
        (key) => `${key}=${plain(result.options[key])}`,
      );
      return [result, [result.variant, ...notes].join(' ')];
    }),
  );
}

/** The points of one series, by length and then budget, each the average over layers. */
export function pointsOf(series: Series): Point[] {
  const alike = groupBy(series.results, ({ length, budget }) => JSON.stringify([length, budget?.value]));
  const points = [...alike.values()].map((group): Point => {
    const errors = group.map(({ relativeError }) => relativeError);
    return {
      budget: group[0].budget,
      length: group[0].length,
      error: mean(errors),
      lowestError: Math.min(...errors),
      highestError: Math.max(...errors),
      milliseconds: mean(group.map(({ milliseconds }) => milliseconds)),
      fullMilliseconds: mean(group.map(({ fullMilliseconds }) => fullMilliseconds)),
      peakBytes: mean(group.map(({ peakBytes }) => peakBytes)),
      fullPeakBytes: mean(group.map(({ fullPeakBytes }) => fullPeakBytes)),
      share: mean(group.map(({ flops, fullFlops }) => flops / fullFlops)),
      layers: group.length,
      ...(group[0].exactness === undefined ? {} : { exactness: group[0].exactness }),
      ...(group.some(({ untrained }) => untrained !== undefined)
        ? { untrained: group.some(({ untrained }) => untrained) }
        : {}),
    };
  });
  return points.sort((a, b) => a.length - b.length || (a.budget?.value ?? 0) - (b.budget?.value ?? 0));
}

/** `longformer, w = 64` */
export function nameOfPoint({ label }: Series, { budget }: Point): string {
  return budget === null ? label : `${label}, ${budget.symbol} = ${budget.value}`;
}

/** Measured lengths, ascending. */
export function lengthsOf(results: readonly ComparisonResult[]): number[] {
  return [...new Set(results.map(({ length }) => length))].sort((a, b) => a - b);
}

/** The length at which errors are drawn against budgets: the one with the most results, and of several the longest. */
export function mainLength(results: readonly ComparisonResult[]): number {
  const counts = groupBy(results, ({ length }) => length);
  const most = Math.max(...[...counts.values()].map((group) => group.length));
  return Math.max(...[...counts].filter(([, group]) => group.length === most).map(([length]) => length));
}

/** For a scaling curve: the points of the budget that was measured at the most lengths (the middle one of equals). */
export function scalingPoints(points: readonly Point[]): Point[] {
  const byBudget = [...groupBy(points, ({ budget }) => budget?.value).values()];
  const most = Math.max(...byBudget.map((group) => group.length));
  const fullest = byBudget.filter((group) => group.length === most);
  return fullest[Math.floor((fullest.length - 1) / 2)];
}

/**
 * The exponent p of y ∝ length^p: the least-squares slope of log y over log length, over the lengths from a quarter of
 * the longest up (short ones measure fixed costs) by default. NaN if fewer than two remain or a y is not above zero.
 */
export function fittedSlope(
  points: readonly { length: number; y: number }[],
  shortest = Math.max(...points.map(({ length }) => length)) / 4,
): number {
  const used = points.filter(({ length }) => length >= shortest);
  const x = used.map(({ length }) => Math.log(length));
  const y = used.map((point) => Math.log(point.y));
  const spread = x.reduce((sum, value) => sum + (value - mean(x)) ** 2, 0);
  const joint = x.reduce((sum, value, index) => sum + (value - mean(x)) * (y[index] - mean(y)), 0);
  return spread === 0 || !Number.isFinite(joint) ? Number.NaN : joint / spread;
}

/**
 * The length from which a variant is faster than full attention for good, interpolated between measured lengths in
 * the logarithm; null if it is not at the longest, `shortest: true` if it is at every length.
 */
export function crossover(points: readonly Point[]): { length: number; shortest: boolean } | null {
  const lead = points.map(({ milliseconds, fullMilliseconds }) => Math.log(fullMilliseconds / milliseconds));
  const slower = lead.findLastIndex((value) => !(value > 0));
  if (slower === points.length - 1) return null;
  if (slower === -1) return { length: points[0].length, shortest: true };
  const fraction = lead[slower] / (lead[slower] - lead[slower + 1]);
  const { length } = points[slower];
  return { length: length * (points[slower + 1].length / length) ** fraction, shortest: false };
}

/** `from about 1200 tokens`: where a variant, measured at several lengths, is faster than full attention. */
export function describeCrossover(points: readonly Point[]): string {
  const crossing = crossover(points);
  if (crossing === null) return 'at no length measured';
  // Interpolated between lengths that are usually a factor of two apart: a third digit would be meaningless.
  return crossing.shortest
    ? 'at every length measured'
    : `from about ${formatWhole(Number(crossing.length.toPrecision(2)))} tokens`;
}

/** The largest distance of full attention itself from the float64 oracle: the accuracy of the errors. */
export function oracleError(results: readonly ComparisonResult[]): number {
  return Math.max(...results.map(({ fullOracleError }) => fullOracleError));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function groupBy<T, Key>(items: readonly T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function plain(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
