/** How much of a matrix of weights a few of its singular values hold. */
import { scope } from '../../../src/core/scope.ts';
import { formatPercent } from '../../../src/terminal/format.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';
import { singular } from '../snippets/eigen.ts';
import { drawn, square, weightsOf, words } from './tools.ts';

const SHOWN = 48;

export function spectrum(settings: Settings): Drawn {
  const rank = number(settings, 'rank');
  const input = String(settings.input);
  return scope(() => {
    const layer = input === 'layer4' ? 'layer4' : 'layer1';
    const inputs =
      input === 'peaked' ? drawn(SHOWN, 32, 0, 'peaked') : words(layer, number(settings, 'head') - 1, 0, SHOWN).inputs;
    const weights = weightsOf('full', inputs);
    const rows = Array.from({ length: SHOWN }, (_, n) => weights.slice(n * SHOWN, (n + 1) * SHOWN));
    const { values, vectors } = singular(rows);
    // A V Vᵀ with the first vectors only is the best approximation of this rank (Eckart and Young 1936).
    const kept = rows.flatMap((row) => {
      const along = vectors.slice(0, rank).map((vector) => row.reduce((sum, each, n) => sum + each * vector[n], 0));
      return row.map((_, key) => along.reduce((sum, each, n) => sum + each * vectors[n][key], 0));
    });
    const all = values.reduce((sum, value) => sum + value ** 2, 0);
    const left = values.slice(rank).reduce((sum, value) => sum + value ** 2, 0);
    return {
      panels: [
        {
          kind: 'chart',
          title: 'Singular values',
          x: { label: 'which', log: false, from: 0, to: SHOWN },
          y: { label: 'of the largest', log: false, from: 0, to: 1 },
          lines: [{ name: 'of the weights', points: values.map((value, n) => [n + 1, value / values[0]] as const) }],
        },
        square('The weights', weights),
        square(`The best of rank ${rank}`, kept),
      ],
      says: `The best matrix of rank ${rank} misses ${formatPercent(Math.sqrt(left / all))} of the weights’ size, and ${SHOWN} would miss nothing.`,
    };
  });
}
