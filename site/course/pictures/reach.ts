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
  const options = optionsOf(settings, variant);
  const { cells } = patternGrid(variantNamed(variant), length, options, length);
  // A causal model never hears of what is yet to come.
  const possible = (n: number): boolean => options.causal !== true || n % length <= Math.floor(n / length);
  const steps = stepsOf(cells, length);
  const within = (most: number): number =>
    steps.filter((step) => step <= most).length / steps.filter((_, n) => possible(n)).length;
  const needed = steps.reduce((most, step, n) => (possible(n) ? Math.max(most, step) : most), 0);
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
    says: `${variant}: one layer allows ${formatPercent(within(1))} of ${options.causal === true ? 'the pairs of a token and one before it' : 'all pairs'}. After ${layers} ${layers === 1 ? 'layer' : 'layers'}, news has come over ${formatPercent(within(layers))} of them. ${
      Number.isFinite(needed)
        ? `It takes ${needed} ${needed === 1 ? 'layer' : 'layers'} until it has come over all.`
        : 'Over some it never does.'
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
