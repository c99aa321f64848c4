/** The Pareto front as a line of a plot. */
import { paretoFront, standingOfPoint } from '../front.ts';
import type { Measurements } from '../judge.ts';
import { nameOfPoint } from '../series.ts';
import { ERROR_FLOOR } from './axes.ts';
import type { ChartLine } from './chart.ts';
import type { DrawnSeries } from './figures.ts';

/**
 * The approximations that no other one beats in both error and operations, from left to right; what does not beat the
 * baselines in every layer, or is no approximation, is left out. With fewer than two points there is no line.
 */
export function frontLine(drawn: readonly DrawnSeries[], baselines: Measurements['baselines']): ChartLine[] {
  const approximations = drawn.flatMap(({ series, points }) =>
    points
      .filter((point) => standingOfPoint(series, point, baselines) === 'approximation')
      .map((point) => ({ ...point, name: nameOfPoint(series, point) })),
  );
  const front = [...paretoFront(approximations)].sort((a, b) => a.share - b.share);
  if (front.length < 2) return [];
  const points = front.map(({ share, error, name }) => ({
    x: share,
    y: Math.max(error, ERROR_FLOOR),
    tooltip: `On the Pareto front: ${name}`,
  }));
  return [{ label: 'Pareto front', index: null, points }];
}
