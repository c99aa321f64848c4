/** How much of the true weights different choices of keys catch. */

import { Random } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';
import { drawn, weightsOf, words } from './tools.ts';

const BUDGETS = [8, 16, 24, 32, 48, 64];

/**
 * Causal attention; each choice has so many keys for each query, and catches a share of full attention's weight. Without a size
 * of its blocks, MoBA is left out.
 */
export function caught(settings: Settings): Drawn {
  const length = number(settings, 'length');
  const blockSize = settings.blockSize === undefined ? null : number(settings, 'blockSize');
  const input = String(settings.input ?? 'words');
  return scope(() => {
    const inputs =
      input === 'words'
        ? words(String(settings.layer ?? 'layer1'), Number(settings.head ?? 4) - 1, 0, length).inputs
        : drawn(length, 32, 0, input as 'clustered' | 'peaked');
    const full = weightsOf('full', inputs, { causal: true });
    const order = new Random(0).permutation(length);
    // Queries whose keys are fewer than the largest budget would be caught whole by all.
    const rows = Array.from({ length }, (_, row) => row).filter((row) => row >= BUDGETS[BUDGETS.length - 1]);
    const mass = (keysOf: (row: number, budget: number) => number[], budget: number): number =>
      rows.reduce((sum, row) => sum + keysOf(row, budget).reduce((own, key) => own + full[row * length + key], 0), 0) /
      rows.length;
    const past = (row: number): number[] => Array.from({ length: row + 1 }, (_, key) => key);
    const best = (row: number, budget: number) =>
      past(row)
        .sort((a, b) => full[row * length + b] - full[row * length + a])
        .slice(0, budget);
    const byBlocks = (size: number) => ({
      name: `MoBA: blocks of ${size} by their means`,
      points: BUDGETS.filter((budget) => budget >= 2 * size).map((budget) => {
        const chosen = weightsOf('moba', inputs, { causal: true, blockSize: size, topK: budget / size });
        return [budget, mass((row) => past(row).filter((key) => chosen[row * length + key] > 0), budget)] as const;
      }),
    });
    const lines = [
      {
        name: 'the best keys: nobody can know them',
        points: BUDGETS.map((budget) => [budget, mass(best, budget)] as const),
      },
      ...(blockSize === null ? [] : [byBlocks(blockSize)]),
      {
        name: 'the nearest keys',
        points: BUDGETS.map((budget) => [budget, mass((row, own) => past(row).slice(-own), budget)] as const),
      },
      {
        name: 'keys by chance',
        points: BUDGETS.map(
          (budget) =>
            [budget, mass((row, own) => [...order].filter((key) => key <= row).slice(0, own), budget)] as const,
        ),
      },
    ];
    const at = 32;
    const said = lines.map(
      ({ name, points }) =>
        `${name.split(':')[0]} ${Math.round((points.find(([budget]) => budget === at)?.[1] ?? 0) * 100)} %`,
    );
    return {
      panels: [
        {
          kind: 'chart',
          title: 'Weight that is caught',
          x: { label: 'keys for each query', log: false, from: 0 },
          y: { label: 'share of full attention’s weight', log: false, from: 0, to: 1 },
          lines,
        },
      ],
      says: `With ${at} of up to ${length} keys: ${said.join(', ')}.`,
    };
  });
}
