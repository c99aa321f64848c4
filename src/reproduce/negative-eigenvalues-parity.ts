/**
 * Parity (Grazzi et al. 2024): recurrences whose transitions have positive eigenvalues alone do not learn it for all lengths, nor
 * does attention; with eigenvalues between −1 and 1 the delta rule does. Models are trained on short sequences, and read long ones.
 */
import { runsOf } from '../training/recipes/recipe.ts';
import { stateTrackingRecipe } from '../training/recipes/state-tracking.ts';
import type { RunSettings } from '../training/run.ts';
import { isRight, isWrong, lengthChart, lengthTable, measureByLength } from './by-length.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { unitName } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import { trainingUnit } from './training-unit.ts';

interface Given extends Settings {
  /** Of the training. */
  length: number;
  /** Of the evaluations. */
  lengths: readonly number[];
  seeds: readonly number[];
  steps: number;
  examples: number;
}

const LABELS: Readonly<Record<string, string>> = {
  full: 'full attention',
  'linear-transformer': 'linear transformer',
  deltanet: 'DeltaNet, [0, 1]',
  'deltanet-negative': 'DeltaNet, [−1, 1]',
  'gated-deltanet-negative': 'Gated DeltaNet, [−1, 1]',
};
const RUNS = Object.keys(LABELS);

function settingsOf({ length, steps }: Given, run: string, seed: number): RunSettings {
  const { settings } = runsOf(stateTrackingRecipe).find(({ name }) => name === run) as { settings: RunSettings };
  const schedule = { ...settings.schedule, total: steps } as RunSettings['schedule'];
  return { ...settings, task: { ...settings.task, length }, steps, schedule, seed, checkpointEvery: 100 };
}

function claims(given: Given): Claim[] {
  const { length, lengths } = given;
  const longest = lengths[lengths.length - 1];
  const solves = (run: string, at: number): Claim => ({
    says: `${LABELS[run]} tracks parity at ${at} tokens after training on ${length}: the lowest accuracy of all seeds`,
    paper: 'solves it',
    ...isRight(given, run, at),
    because: {
      small: {
        'holds in direction':
          'Until twice the length of the training all answers are right, and then they fade: after 300 steps β is probably not quite 2, so that a state loses a little with every token.',
        'does not hold here':
          'To twice the length of the training nearly all answers are right; beyond it they fade faster than those of DeltaNet. Probably its gate α, below 1, takes a little with every token.',
      },
    },
  });
  const fails = (run: string): Claim => ({
    says: `${LABELS[run]} does not, at ${longest} tokens: the highest accuracy of all seeds`,
    paper: 'cannot',
    ...isWrong(given, run, longest, [0.6, 0.75]),
  });
  return [
    solves('deltanet-negative', length),
    solves('deltanet-negative', longest),
    solves('gated-deltanet-negative', longest),
    fails('deltanet'),
    fails('linear-transformer'),
    fails('full'),
  ];
}

export const negativeEigenvaluesParity = defineExperiment<Given>({
  paper: PAPERS.negativeEigenvalues,
  table: 'parity',
  title: 'Parity at lengths beyond the training, with and without negative eigenvalues',
  source: 'the abstract and the experiments on parity: which models solve it',
  differences: [
    ({ length, steps }) =>
      `One layer of width 32, trained for ${steps} steps on ${length} tokens; the answer is asked at every token. The paper trains larger models on lengths up to 40, and asks up to 256.`,
    'Accuracy is that of all places. Guessing has 50%, and a few more where the first tokens of a sequence are right.',
    {
      small:
        'The recipe state-tracking had been trained before this experiment was written: at 32 tokens its outcome was known. Longer sequences had not been read.',
    },
  ],
  settings: {
    small: { length: 32, lengths: [32, 64, 128, 256], seeds: [1, 2, 3], steps: 300, examples: 128 },
    paper: { length: 40, lengths: [40, 64, 128, 256], seeds: [1, 2, 3], steps: 5000, examples: 1024 },
  },
  revision: 1,
  minutes: { small: 2, paper: 30 },
  units: (given) =>
    RUNS.flatMap((run) =>
      given.seeds.map((seed) =>
        trainingUnit({
          name: unitName(run, seed),
          settings: settingsOf(given, run, seed),
          measure: (trained) => measureByLength(trained, { ...given, seed }),
        }),
      ),
    ),
  claims,
  show: (results, given) => lengthTable(results, given, LABELS),
  draw: (results, given) => [
    lengthChart(results, given, LABELS, {
      id: 'negative-eigenvalues-parity',
      title: 'Ours: parity beyond the length of the training',
      description: `Share of right answers against the length that is read, after training on ${given.length} tokens.`,
      what: 'right answers',
    }),
  ],
});
