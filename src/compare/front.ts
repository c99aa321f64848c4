/** All variants in one ranking: error against cost, and the approximations that no other beats in both. */
import { formatBytes, formatError, formatMilliseconds, formatPercent, formatRatio } from '../terminal/format.ts';
import { formatTable, type TableCell, type TableOptions } from '../terminal/table.ts';
import { proseWidth, wrapLines } from '../terminal/width.ts';
import { whyNone } from './best.ts';
import { STREAMS } from './columns.ts';
import { describeAbsentGates } from './gates.ts';
import {
  barAt,
  baselineSection,
  type Measurements,
  rowOfBaseline,
  type Standing,
  sectionsOf,
  standingOf,
} from './judge.ts';
import { mainLength, nameOfPoint, type Point, pointsOf, REFERENCE_VARIANT, type Series, seriesOf } from './series.ts';

export interface RankedPoint extends Point {
  /** `longformer, w = 64` */
  name: string;
  variant: string;
  standing: Standing;
  /**
   * Whether it is an approximation, and no other one has both a smaller error and a smaller cost (one of them may be equal).
   */
  onFront: boolean;
}

/** The compared variants at the length with the most results, averaged over layers, ordered by their share of the FLOPs. */
export function rankedPoints({ results, baselines }: Measurements): RankedPoint[] {
  const compared = seriesOf(results).filter(({ variant }) => variant !== REFERENCE_VARIANT);
  if (compared.length === 0) return [];
  const length = mainLength(compared.flatMap((series) => series.results));
  const named = compared.flatMap((series) =>
    pointsOf(series)
      .filter((point) => point.length === length)
      .map((point) => {
        const { variant } = series;
        return {
          ...point,
          name: nameOfPoint(series, point),
          variant,
          standing: standingOfPoint(series, point, baselines),
        };
      }),
  );
  const front = paretoFront(named.filter(({ standing }) => standing === 'approximation'));
  return named
    .map((point) => ({ ...point, onFront: front.has(point) }))
    .sort((a, b) => a.share - b.share || a.error - b.error);
}

/** The standing of a mean over layers: it is an approximation only if it beats the baselines on average and in every layer. */
export function standingOfPoint(
  { variant, results }: Pick<Series, 'variant' | 'results'>,
  point: Point,
  baselines: Measurements['baselines'],
): Standing {
  const { length, budget } = point;
  const onAverage = standingOf({ ...point, variant }, barAt(baselines, { length }));
  if (onAverage !== 'approximation') return onAverage;
  const standings = results
    .filter((row) => row.length === length && row.budget?.value === budget?.value)
    .map(({ relativeError: error, layer }) => {
      return standingOf({ ...point, variant, error }, barAt(baselines, { length, layer }));
    });
  return standings.find((standing) => standing !== 'approximation') ?? onAverage;
}

/** The points that no other beats: none has at most their cost and error, and less of one of them. */
export function paretoFront<T extends { share: number; error: number }>(points: readonly T[]): Set<T> {
  const beats = (a: T, b: T) => a.share <= b.share && a.error <= b.error && (a.share < b.share || a.error < b.error);
  return new Set(points.filter((point) => !Number.isNaN(point.error) && !points.some((other) => beats(other, point))));
}

/**
 * The ranking as a table: the approximations, with those on the front marked and green, then the other variants, and the
 * baselines.
 */
export function formatFront({ results, baselines = [] }: Measurements, options: TableOptions = {}): string {
  const points = rankedPoints({ results, baselines });
  if (points.length === 0) return '';
  const [{ length }] = points;
  const beside = seriesOf(baselines.map(rowOfBaseline)).flatMap((series) =>
    pointsOf(series)
      .filter((point) => point.length === length)
      .map((point) => ({ ...point, name: series.label, onFront: false })),
  );
  const sections = [...sectionsOf(points, ({ standing }) => standing), ...baselineSection(beside)];
  const rows = sections.flatMap(({ title, rows }) => [
    ...(title === '' ? [] : [{ heading: title }]),
    ...rows.map((point): TableCell[] => {
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
    }),
  ]);
  const titles = ['', 'variant', 'FLOPs of full', 'error', 'time', 'speed-up', 'memory'];
  const columns = titles.map((title, index) => ({ title, align: index < 2 ? ('left' as const) : ('right' as const) }));
  const layers = Math.max(...points.map((point) => point.layers));
  const note = [
    points.some(({ onFront }) => onFront)
      ? '★ marks the Pareto front: no other approximation with as few FLOPs has a smaller error.'
      : whyNone(points, barAt(baselines, { length })),
    'An output of zeros has an error of 1.',
    STREAMS,
    ...(layers > 1 ? [`Figures are means of ${layers} layers.`] : []),
    ...[describeAbsentGates(results.filter((result) => result.length === length))].filter((text) => text !== ''),
  ];
  return [formatTable(columns, rows, options), '', wrapLines(note.join('\n'), proseWidth(options.width))].join('\n');
}
