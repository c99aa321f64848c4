/** How far information travels through a stack of layers that share a sparse pattern. */
import { patternGrid } from '../../../src/compare/patterns/grid.ts';
import { formatPercent } from '../../../src/terminal/format.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';
import { optionsOf } from './beside.ts';
import { variantNamed } from './tools.ts';

/** Steps that are looked at before a token counts as out of reach. */
const MOST_STEPS = 64;

export function reach(settings: Settings): Drawn {
  const variant = String(settings.variant);
  const [length, layers] = ['length', 'layers'].map((name) => number(settings, name));
  const { cells } = patternGrid(variantNamed(variant), length, optionsOf(settings, variant), length);
  const steps = stepsOf(cells, length);
  const within = (most: number): number => steps.filter((step) => step <= most).length / length ** 2;
  const needed = steps.reduce((most, step) => Math.max(most, step), 0);
  return {
    panels: [
      {
        kind: 'matrix',
        title: `${variant}: one layer`,
        rows: length,
        columns: length,
        values: cells.map((cell) => (cell > 0 ? 1 : 0)),
        shading: 'linear',
        axes: ['queries', 'keys'],
      },
      {
        kind: 'matrix',
        title: layers === 1 ? 'After one layer' : `After ${layers} layers`,
        rows: length,
        columns: length,
        // The sooner, the stronger.
        values: steps.map((step) => (step <= layers ? 1 / step : 0)),
        shading: 'linear',
        axes: ['queries', 'keys'],
      },
    ],
    says: `${variant}: one layer allows ${formatPercent(within(1))} of all pairs. After ${layers} ${layers === 1 ? 'layer' : 'layers'}, ${formatPercent(within(layers))} of all tokens have heard of each other. ${
      Number.isFinite(needed)
        ? `It takes ${needed} ${needed === 1 ? 'layer' : 'layers'} until all have.`
        : 'Some never do.'
    }`,
  };
}

/** The layers that it takes from each key to each query, [length, length]; Infinity where there is no way. */
function stepsOf(cells: readonly number[], length: number): number[] {
  const met = Array.from({ length }, (_, row) =>
    Array.from({ length }, (_, key) => key).filter((key) => cells[row * length + key] > 0),
  );
  const steps = new Array<number>(length * length).fill(Number.POSITIVE_INFINITY);
  for (let row = 0; row < length; row++) {
    let front = met[row];
    for (let step = 1; front.length > 0 && step <= MOST_STEPS; step++) {
      const next: number[] = [];
      for (const key of front) {
        if (steps[row * length + key] <= step) continue;
        steps[row * length + key] = step;
        next.push(...met[key]);
      }
      front = [...new Set(next)];
    }
  }
  return steps;
}
