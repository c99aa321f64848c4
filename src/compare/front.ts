/** All variants in one ranking: error against cost, and which of them nothing beats in both. */
import { formatBytes, formatError, formatMilliseconds, formatPercent, formatRatio } from '../terminal/format.ts';
import { formatTable, type TableCell, type TableOptions } from '../terminal/table.ts';
import type { ComparisonResult } from './result.ts';
import { mainLength, type Point, pointsOf, REFERENCE_VARIANT, seriesOf } from './series.ts';

export interface RankedPoint extends Point {
  /** `longformer, w = 64` */
  name: string;
  variant: string;
  /** Nothing else has both a smaller error and a smaller cost (one of them may be equal). */
  onFront: boolean;
}

/** The approximations at the length with the most results, averaged over layers, by their share of the FLOPs. */
export function rankedPoints(results: readonly ComparisonResult[]): RankedPoint[] {
  const approximations = seriesOf(results).filter(({ variant }) => variant !== REFERENCE_VARIANT);
  if (approximations.length === 0) return [];
  const length = mainLength(approximations.flatMap((series) => series.results));
  const named = approximations.flatMap((series) =>
    pointsOf(series)
      .filter((point) => point.length === length)
      .map((point) => {
        const { budget } = point;
        const name = budget === null ? series.label : `${series.label}, ${budget.symbol} = ${budget.value}`;
        return { ...point, name, variant: series.variant };
      }),
  );
  const front = paretoFront(named);
  return named
    .map((point) => ({ ...point, onFront: front.has(point) }))
    .sort((a, b) => a.share - b.share || a.error - b.error);
}

/** The points that no other one beats: none with at most the cost and the error, and less of one of them. */
export function paretoFront<T extends { share: number; error: number }>(points: readonly T[]): Set<T> {
  const beats = (a: T, b: T) => a.share <= b.share && a.error <= b.error && (a.share < b.share || a.error < b.error);
  return new Set(points.filter((point) => !Number.isNaN(point.error) && !points.some((other) => beats(other, point))));
}

/** The ranking as a table, those on the front marked and green. */
export function formatFront(results: readonly ComparisonResult[], options: TableOptions = {}): string {
  const points = rankedPoints(results);
  const rows = points.map((point): TableCell[] => {
    const cells = [
      point.onFront ? '★' : '',
      point.name,
      formatPercent(point.share),
      formatError(point.error),
      formatMilliseconds(point.milliseconds),
      formatRatio(point.fullMilliseconds / point.milliseconds),
      formatBytes(point.peakBytes),
    ];
    return point.onFront ? cells.map((text): TableCell => ({ text, style: 'good' })) : cells;
  });
  const titles = ['', 'variant', 'FLOPs of full', 'error', 'time', 'speed-up', 'memory'];
  const columns = titles.map((title, index) => ({ title, align: index < 2 ? ('left' as const) : ('right' as const) }));
  const layers = Math.max(...points.map((point) => point.layers));
  const note = [
    '★ is on the Pareto front: nothing with as few operations has a smaller error.',
    ...(layers > 1 ? [`Figures are means of ${layers} layers.`] : []),
  ];
  return [formatTable(columns, rows, options), '', ...note].join('\n');
}
