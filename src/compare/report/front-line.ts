/** The Pareto front as a line of a plot. */
import { paretoFront } from '../front.ts';
import { ERROR_FLOOR } from './axes.ts';
import type { ChartLine } from './chart.ts';

/** What no other point beats in both error and operations, from left to right; nothing to draw of fewer than two. */
export function frontLine(points: readonly { name: string; share: number; error: number }[]): ChartLine[] {
  const front = [...paretoFront(points)].sort((a, b) => a.share - b.share);
  if (front.length < 2) return [];
  const drawn = front.map(({ share, error, name }) => ({
    x: share,
    y: Math.max(error, ERROR_FLOOR),
    tooltip: `On the Pareto front: ${name}`,
  }));
  return [{ label: 'Pareto front', index: null, points: drawn }];
}
