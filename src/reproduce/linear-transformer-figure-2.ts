/** Katharopoulos et al. 2020, figure 2: linear attention learns to copy, and ends where softmax does and below LSH attention. */

import { meanOf } from '../compare/metrics.ts';
import { formatError, formatPercent, formatWhole } from '../terminal/format.ts';
import { copyRecipe } from '../training/recipes/copy.ts';
import { runsOf } from '../training/recipes/recipe.ts';
import type { RunSettings } from '../training/run.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { formatSpread, seedChart, unitName } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import { accuraciesOf, recipeUnits, valuesOf } from './recipe-units.ts';
import type { Results } from './results.ts';
import { trainingUnit } from './training-unit.ts';

interface Given extends Settings {
  seeds: readonly number[];
  lshRounds: number;
  lshChunk: number;
  steps: number;
}

const RECORDED = ['full', 'linear-transformer'] as const;
const LSH = 'lsh';
const RUNS = [...RECORDED, LSH] as const;
type Run = (typeof RUNS)[number];

const labelOf = (run: Run, { lshRounds }: Given) =>
  ({ full: 'softmax', 'linear-transformer': 'linear', lsh: `LSH-${lshRounds}` })[run];

/** The recipe's run of full attention with Reformer's in its place. */
function lshSettings({ lshRounds, lshChunk, steps }: Given, seed: number): RunSettings {
  const [{ settings }] = runsOf(copyRecipe);
  const attention = { variant: 'reformer', options: { numHashes: lshRounds, chunkLength: lshChunk } };
  const schedule = { ...settings.schedule, total: steps } as RunSettings['schedule'];
  return { ...settings, model: { ...settings.model, attention }, steps, schedule, seed };
}

const formatNats = (nats: number) => `${formatError(nats)} nats`;
const losses = (results: Results, run: string, seeds: readonly number[]) => valuesOf(results, run, seeds, 'loss');

function claims(given: Given): Claim[] {
  const { seeds } = given;
  const above = (results: Results) =>
    meanOf(losses(results, 'linear-transformer', seeds)) - meanOf(losses(results, 'full', seeds));
  return [
    {
      says: 'Linear attention ends where softmax does: its loss above that of softmax, mean of seeds',
      paper: 'the same, read off',
      holds: { kind: 'bounds', read: above, most: 0.01, format: formatNats },
      direction: { kind: 'bounds', read: above, most: 0.1, format: formatNats },
      because: {
        small: {
          'holds in direction':
            'Both copy nearly all symbols. The paper has twice the layers and twice the heads, and trains longer than 2500 steps.',
        },
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
          const curve = curveOf(results, 'linear-transformer', given).map(meanOf);
          return Math.max(...curve.slice(1).map((loss, at) => loss - curve[at]));
        },
        most: 0,
        format: formatNats,
      },
    },
    {
      says: 'It ends below LSH attention: losses at the end, mean of seeds',
      paper: 'below it, read off',
      holds: {
        kind: 'rising',
        read: (results) =>
          (['linear-transformer', LSH] as const).map((run) => ({
            name: labelOf(run, given),
            value: meanOf(losses(results, run, given.seeds)),
          })),
        format: formatNats,
      },
      because: {
        small: {
          holds: 'LSH attention still learns where the run ends, and its seeds end far apart.',
        },
      },
    },
  ];
}

/** All look at the same steps. */
const stepsOf = (results: Results, { seeds: [first] }: Given) => results.steps(unitName('full', first));

/** At each of the steps, the losses of all seeds. */
function curveOf(results: Results, run: string, given: Given): number[][] {
  const units = given.seeds.map((seed) => unitName(run, seed));
  return results.curve(units, 'losses', stepsOf(results, given));
}

export const linearTransformerFigure2 = defineExperiment<Given>({
  paper: PAPERS.linearTransformer,
  table: 'figure-2',
  title: 'Copying by softmax, by linear and by LSH attention, while they learn',
  source: 'Figure 2',
  differences: [
    'Sequences of 64 tokens, two layers with four heads and batches of 32; in the paper up to 128 tokens, four layers with eight heads and batches of 64.',
    'LSH attention has four rounds and chunks of 16 tokens.',
    'The recipe copy, which has the other two, had been trained before this experiment was written, and its losses at the end were known. Its logs are read where settings are these.',
  ],
  settings: {
    small: { seeds: [1, 2, 3], lshRounds: 4, lshChunk: 16, steps: 2500 },
    paper: { seeds: [1, 2, 3], lshRounds: 4, lshChunk: 16, steps: 10000 },
  },
  revision: 1,
  minutes: { small: 35, paper: 180 },
  units: (given) => [
    ...recipeUnits(
      copyRecipe,
      RECORDED,
      given.seeds,
      given.steps === copyRecipe.settings.steps ? undefined : given.steps,
    ),
    ...given.seeds.map((seed) => trainingUnit({ name: unitName(LSH, seed), settings: lshSettings(given, seed) })),
  ],
  claims,
  show: (results, given) => ({
    titles: ['attention', 'seeds', 'loss at the end', 'symbols that are right'],
    rows: RUNS.map((run) => [
      labelOf(run, given),
      String(given.seeds.length),
      formatSpread(losses(results, run, given.seeds), formatNats),
      formatSpread(accuraciesOf(results, run, given.seeds), formatPercent),
    ]),
  }),
  draw: (results, given) => [
    seedChart({
      id: 'linear-transformer-figure-2',
      title: 'Ours: loss while they learn to copy',
      description: 'Loss on held-out sequences, in nats for each symbol, against the steps of training.',
      x: {
        label: 'steps',
        values: stepsOf(results, given),
        kind: 'even',
        format: formatWhole,
      },
      y: { label: 'loss', kind: 'log', format: formatError },
      lines: RUNS.map((run) => ({
        label: labelOf(run, given),
        isReference: run === 'full',
        values: curveOf(results, run, given),
      })),
    }),
  ],
});
