/** Katharopoulos et al. 2020, figure 2: linear attention learns to copy, and ends where softmax attention does. */

import { meanOf } from '../compare/metrics.ts';
import { formatError, formatPercent, formatWhole } from '../terminal/format.ts';
import { copyRecipe } from '../training/recipes/copy.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { formatSpread, seedChart } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import { accuraciesOf, recipeUnits, valuesOf } from './recipe-units.ts';
import type { Results } from './results.ts';

interface Given extends Settings {
  seeds: readonly number[];
  steps: number;
}

const RUNS = ['full', 'linear-transformer'] as const;
const LABELS = { full: 'softmax', 'linear-transformer': 'linear' } as const;

const formatNats = (nats: number) => `${formatError(nats)} nats`;
const losses = (results: Results, run: string, seeds: readonly number[]) => valuesOf(results, run, seeds, 'loss');

function claims({ seeds }: Given): Claim[] {
  const above = (results: Results) =>
    meanOf(losses(results, 'linear-transformer', seeds)) - meanOf(losses(results, 'full', seeds));
  return [
    {
      says: 'Linear attention ends where softmax does: its loss above that of softmax, mean of seeds',
      paper: 'the same, read off',
      holds: { kind: 'bounds', read: above, most: 0.01, format: formatNats },
      direction: { kind: 'bounds', read: above, most: 0.1, format: formatNats },
      because: {
        'holds in direction':
          'Both copy nearly all symbols. The paper has twice the layers and twice the heads, and trains longer than 2500 steps.',
      },
    },
    {
      says: 'Linear attention learns to copy: share of symbols, lowest of seeds',
      paper: 'learns it',
      holds: {
        kind: 'bounds',
        read: (results) => Math.min(...accuraciesOf(results, 'linear-transformer', seeds)),
        least: 0.95,
        format: formatPercent,
      },
    },
    {
      says: 'It falls smoothly: the largest rise of its mean loss from one evaluation to the next',
      paper: 'smooth',
      holds: {
        kind: 'bounds',
        read: (results) => {
          const curve = meanCurve(results, 'linear-transformer', seeds);
          return Math.max(...curve.slice(1).map((loss, at) => loss - curve[at]));
        },
        most: 0,
        format: formatNats,
      },
    },
  ];
}

function meanCurve(results: Results, run: string, seeds: readonly number[]): number[] {
  const curves = seeds.map((seed) => results.list(`${run}, seed ${seed}`, 'losses'));
  return curves[0].map((_, at) => meanOf(curves.map((curve) => curve[at])));
}

export const linearTransformerFigure2 = defineExperiment<Given>({
  paper: PAPERS.linearTransformer,
  table: 'figure-2',
  title: 'Copying by softmax and by linear attention, while they learn',
  source: 'Figure 2',
  differences: [
    'Sequences of 64 tokens, two layers with four heads and batches of 32; in the paper up to 128 tokens, four layers with eight heads and batches of 64.',
    'The lines of LSH attention are not here: three seeds of it would take more than 20 minutes.',
    'The recipe copy had been trained before this experiment was written, and its losses at the end were known. Its logs are read where settings are these.',
  ],
  settings: {
    small: { seeds: [1, 2, 3], steps: 2500 },
    paper: { seeds: [1, 2, 3], steps: 10000 },
  },
  revision: 1,
  minutes: { small: 15, paper: 60 },
  units: ({ seeds, steps }) =>
    recipeUnits(copyRecipe, RUNS, seeds, steps === copyRecipe.settings.steps ? undefined : steps),
  claims,
  show: (results, { seeds }) => ({
    titles: ['attention', 'loss at the end', 'symbols that are right'],
    rows: RUNS.map((run) => [
      LABELS[run],
      formatSpread(losses(results, run, seeds), formatNats),
      formatSpread(accuraciesOf(results, run, seeds), formatPercent),
    ]),
  }),
  draw: (results, { seeds }) => [
    seedChart({
      id: 'linear-transformer-figure-2',
      title: 'Ours: loss while they learn to copy',
      description: 'Loss on held-out sequences, in nats for each symbol, against the steps of training.',
      x: {
        label: 'steps',
        values: results.list(`full, seed ${seeds[0]}`, 'steps'),
        kind: 'even',
        format: formatWhole,
      },
      y: { label: 'loss', kind: 'log', format: formatError },
      lines: RUNS.map((run) => ({
        label: LABELS[run],
        isReference: run === 'full',
        values: results
          .list(`${run}, seed ${seeds[0]}`, 'losses')
          .map((_, at) => seeds.map((seed) => results.list(`${run}, seed ${seed}`, 'losses')[at])),
      })),
    }),
  ],
});
