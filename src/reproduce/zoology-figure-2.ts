/**
 * Zoology, figure 2 (Arora et al. 2023): recall of pairs, for which attention needs no width and a gated convolution does. Beside it
 * the size of the states, as the same authors drew it later (Based, arXiv:2402.18668, figure 2).
 */

import { meanOf } from '../compare/metrics.ts';
import { formatBytes, formatPercent } from '../terminal/format.ts';
import { mqarRecipe } from '../training/recipes/mqar.ts';
import { mqarHeirsRecipe } from '../training/recipes/mqar-heirs.ts';
import type { Claim, Named } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { formatSpread } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import { accuraciesOf, recipeUnits, stateBytesOf } from './recipe-units.ts';
import type { Results } from './results.ts';

interface Given extends Settings {
  seeds: readonly number[];
  /** Of those whose other seeds nobody has trained. */
  oneSeed: readonly number[];
  /** Twice as many to train longer. */
  timesSteps: number;
}

/** Of the recipe mqar, from all seeds. */
const SEVERAL = ['full', 'deltanet', 'gated-deltanet', 'kda'] as const;
/** Of the recipe mqar-heirs, from all seeds. */
const SEVERAL_HEIRS = ['mamba', 'lightning', 'gla'] as const;
const ALL_SEEDS = [...SEVERAL, ...SEVERAL_HEIRS] as const;
/** Of the recipe mqar-heirs, from one seed. */
const ONE = ['rwkv7', 'based', 'log-linear', 'mamba2', 'retnet', 'hgrn2', 'hyena'] as const;
const DELTA_RULES = ['deltanet', 'gated-deltanet', 'kda', 'rwkv7'] as const;
const DECAYS = ['lightning', 'gla', 'mamba', 'mamba2', 'retnet', 'hgrn2'] as const;
type Run = (typeof ALL_SEEDS)[number] | (typeof ONE)[number];

const seedsOf = (run: Run, { seeds, oneSeed }: Given) => (ALL_SEEDS.some((each) => each === run) ? seeds : oneSeed);
const recall = (results: Results, run: Run, given: Given) => accuraciesOf(results, run, seedsOf(run, given));
const mean = (results: Results, run: Run, given: Given) => meanOf(recall(results, run, given));

function claims(given: Given): Claim[] {
  const named = (results: Results, runs: readonly Run[]): Named[] =>
    runs.map((name) => ({ name, value: mean(results, name, given) })).sort((a, b) => a.value - b.value);
  return [
    {
      says: 'Attention recalls all pairs: the lowest of seeds',
      paper: 'all',
      holds: {
        kind: 'bounds',
        read: (results) => Math.min(...recall(results, 'full', given)),
        least: 0.99,
        format: formatPercent,
      },
      because: {
        small: {
          'does not hold here':
            'Barely: it is 98.9% from one seed of three. With kernels that rounded otherwise the lowest had been 99.1%.',
        },
      },
    },
    {
      says: 'Hyena does not, at 64 tokens and a width of 64',
      paper: '52%, read off',
      holds: {
        kind: 'number',
        read: (results) => mean(results, 'hyena', given),
        expected: 0.52,
        within: 0.3,
        format: formatPercent,
      },
      direction: { kind: 'bounds', read: (results) => mean(results, 'hyena', given), most: 0.6 },
      because: {
        small: {
          'holds in direction':
            'The paper meets every one of 100 000 examples 64 times, and has the best of four learning rates; here each is met once.',
        },
      },
    },
    {
      says: 'Hyena is the last of all: it and the next',
      paper: 'last at this width',
      holds: {
        kind: 'rising',
        read: (results) => [
          { name: 'hyena', value: mean(results, 'hyena', given) },
          named(results, [...ALL_SEEDS, ...ONE.filter((run) => run !== 'hyena')])[0],
        ],
        format: formatPercent,
      },
    },
    {
      says: 'Delta rules recall more than states that only decay: the best of these, and the least of those',
      paper: 'DeltaNet 79%, Gated DeltaNet 89%, RWKV-7 82%; Mamba-2 69%, GLA 77% (later runs, read off)',
      holds: {
        kind: 'rising',
        read: (results) => [named(results, DECAYS)[DECAYS.length - 1], named(results, DELTA_RULES)[0]],
        format: formatPercent,
      },
    },
    {
      says: 'Mamba recalls less than attention: means of seeds',
      paper: 'less, with a smaller state (Based, figure 2)',
      holds: {
        kind: 'rising',
        read: (results) => [
          { name: 'mamba', value: mean(results, 'mamba', given) },
          { name: 'full', value: mean(results, 'full', given) },
        ],
        format: formatPercent,
      },
    },
    {
      says: 'Delta rules do with a third of the bytes that attention keeps: the largest share',
      paper: 'says nothing at this length',
      holds: {
        kind: 'bounds',
        read: (results) =>
          Math.max(...DELTA_RULES.map((run) => stateBytesOf(results, run, seedsOf(run, given)))) /
          stateBytesOf(results, 'full', given.seeds),
        most: 1 / 3,
        format: formatPercent,
      },
    },
  ];
}

export const zoologyFigure2 = defineExperiment<Given>({
  paper: PAPERS.zoology,
  table: 'figure-2',
  title: 'Recall of pairs, by attention and by states of constant size',
  source: 'Figure 2, the column of 64 tokens at a width of 64, read off',
  differences: [
    ({ timesSteps }) =>
      `The smallest setting of the authors: 4 pairs among 64 tokens. Each example is met once, in ${2000 * timesSteps} to ${4000 * timesSteps} steps.`,
    {
      small:
        'Those of the recipe mqar-heirs but Mamba, lightning attention and GLA are from one seed, as the table says by having no range.',
    },
    'The recipes mqar and mqar-heirs had been trained before this experiment was written, and its outcome was known. Their logs are read where settings are these.',
    {
      small:
        'Mamba was added when its recall from three seeds was known: until its B, C and Δ came after the convolution, as with its authors, it depended on the seed. Seeds 2 and 3 of lightning attention and GLA were trained when only seed 1 was known; lightning attention had been the best of the decays, with 98.7%.',
    },
    {
      small:
        'All were trained again when kernels had changed. Log-linear attention, whose first weights had changed too, fell from 98.5% to 24.0%, the plateau of a quarter; the others moved by 3.3 percentage points at most.',
    },
  ],
  settings: {
    small: { seeds: [1, 2, 3], oneSeed: [1], timesSteps: 1 },
    paper: { seeds: [1, 2, 3], oneSeed: [1, 2, 3], timesSteps: 10 },
  },
  revision: 1,
  minutes: { small: 60, paper: 2000 },
  units: ({ seeds, oneSeed, timesSteps }) => {
    const steps = timesSteps === 1 ? undefined : timesSteps * mqarRecipe.settings.steps;
    return [
      ...recipeUnits(mqarRecipe, SEVERAL, seeds, steps),
      ...recipeUnits(mqarHeirsRecipe, SEVERAL_HEIRS, seeds, steps),
      ...recipeUnits(mqarHeirsRecipe, ONE, oneSeed, steps),
    ];
  },
  claims,
  show: (results, given) => ({
    titles: ['model', 'recall', 'states after 64 tokens'],
    rows: [...ALL_SEEDS, ...ONE].map((run) => [
      run,
      formatSpread(recall(results, run, given), formatPercent),
      formatBytes(stateBytesOf(results, run, seedsOf(run, given))),
    ]),
  }),
});
