/**
 * Swaps of five things (Grazzi et al. 2024, §5.2): a delta rule with eigenvalues down to −1 makes a swap in one step, since a swap is
 * a reflection, and keeps their product, one of S₅. With positive eigenvalues, or with a diagonal transition, no recurrence does.
 */
import { dirname, join } from 'node:path';
import { FileFormatError } from '../core/errors.ts';
import { isObject, readJsonObject } from '../core/files/json.ts';
import { entryAt } from '../core/files/system-error.ts';
import { runsOf } from '../training/recipes/recipe.ts';
import { s5Recipe } from '../training/recipes/s5.ts';
import type { RunSettings } from '../training/run.ts';
import { byLength, isRight, isWrong, lengthChart, lengthTable, measureByLength } from './by-length.ts';
import type { Claim } from './claims.ts';
import { defineExperiment, type Settings } from './experiment.ts';
import { unitName } from './over-seeds.ts';
import { PAPERS } from './papers.ts';
import type { Numbers } from './results.ts';
import { trainingUnit } from './training-unit.ts';

interface Given extends Settings {
  /** Of the training. */
  length: number;
  /** Of the evaluations. */
  lengths: readonly number[];
  seeds: readonly number[];
  steps: number;
  /** Held-out sequences of each length, drawn from one seed for all models. */
  examples: number;
  evaluationSeed: number;
}

const LABELS: Readonly<Record<string, string>> = {
  full: 'full attention',
  mamba: 'Mamba',
  rwkv7: 'RWKV-7',
  deltanet: 'DeltaNet, [0, 1]',
  'deltanet-negative': 'DeltaNet, [−1, 1]',
  'gated-deltanet-negative': 'Gated DeltaNet, [−1, 1]',
};
const RUNS = Object.keys(LABELS);

/** What `npm run s5-lengths` has written, beside the folder of trainings. */
const MEASURED = 's5-lengths.json';

function settingsOf({ length, steps }: Given, run: string, seed: number): RunSettings {
  const { settings } = runsOf(s5Recipe).find(({ name }) => name === run) as { settings: RunSettings };
  const schedule = { ...settings.schedule, total: steps } as RunSettings['schedule'];
  return { ...settings, task: { ...settings.task, length }, steps, schedule, seed };
}

/** Numbers of `npm run s5-lengths`, where it had these lengths and as many examples. Throws FileFormatError for a damaged file. */
function measured(trainings: string, { lengths, examples }: Given, run: string, seed: number): Numbers | null {
  const path = join(dirname(trainings), MEASURED);
  if (entryAt(path) === null) return null;
  const { settings, rows } = readJsonObject(path);
  if (!isObject(settings) || !Array.isArray(rows)) throw new FileFormatError(`${path}: expected settings and rows`);
  if (JSON.stringify(settings) !== JSON.stringify({ lengths, examples })) return null;
  const accuracies = lengths.map((length) => {
    const row = rows.find((each) => isObject(each) && each.run === run && each.seed === seed && each.length === length);
    return row?.accuracy as unknown;
  });
  return accuracies.every((value): value is number => typeof value === 'number') ? byLength(accuracies) : null;
}

function claims(given: Given): Claim[] {
  const { length, lengths } = given;
  const longest = lengths[lengths.length - 1];
  const solves = (run: string, at: number, paper: string): Claim => ({
    says: `${LABELS[run]} tracks swaps of five at ${at} tokens after training on ${length}: the lowest accuracy of all seeds`,
    paper,
    ...isRight(given, run, at),
    because: {
      small: {
        'holds in direction':
          'To four times the length of the training at least 99% of the products are right, and then they fade. Probably β is not quite 2 after 300 steps, so that a state loses a little with every swap.',
      },
    },
  });
  const fails = (run: string, paper: string): Claim => ({
    says: `${LABELS[run]} does not, even at ${length}: the highest accuracy of all seeds`,
    paper,
    ...isWrong(given, run, length, [0.15, 0.5]),
  });
  return [
    solves('deltanet-negative', length, 'one layer does'),
    ...lengths.slice(1).map((at) => solves('deltanet-negative', at, 'beyond its training, too')),
    solves('gated-deltanet-negative', longest, 'says nothing of gates'),
    fails('deltanet', 'cannot'),
    fails('mamba', 'cannot: its transitions are diagonal'),
    fails('full', 'says nothing'),
  ];
}

export const negativeEigenvaluesS5 = defineExperiment<Given>({
  paper: PAPERS.negativeEigenvalues,
  table: 's5',
  title: 'Swaps of five things (S₅) at lengths beyond the training, with and without negative eigenvalues',
  source: '§5.2, the task of swaps alone: which models learn it',
  differences: [
    ({ steps }) =>
      `One layer of width 64 with two heads, trained for ${steps} steps. The tokens are the ten swaps, and the answer, one of 120 permutations, is asked at every token; of the paper’s tasks this is the easiest.`,
    'Accuracy is that of all places. The first few products of a sequence are easy: with them alone a model has 8% at 32 tokens. Guessing has less than 1%.',
    {
      small: `The recipe s5 had been trained, and read at these lengths by \`npm run s5-lengths\`, before this experiment was written: its outcome was known. The numbers are read from there, and with \`--again\` made anew.`,
    },
    'RWKV-7 is shown without a claim. Its rates a stay below 1 here, so that none of its steps is a reflection.',
  ],
  settings: {
    small: { length: 32, lengths: [32, 128, 512], seeds: [1, 2, 3], steps: 300, examples: 64, evaluationSeed: 1 },
    paper: { length: 32, lengths: [32, 128, 512], seeds: [1, 2, 3], steps: 5000, examples: 500, evaluationSeed: 1 },
  },
  revision: 1,
  minutes: { small: 15, paper: 250 },
  units: (given) =>
    RUNS.flatMap((run) =>
      given.seeds.map((seed) =>
        trainingUnit({
          name: unitName(run, seed),
          settings: settingsOf(given, run, seed),
          measure: (trained) => measureByLength(trained, { ...given, seed: given.evaluationSeed }),
          measured: (trainings) => measured(trainings, given, run, seed),
        }),
      ),
    ),
  claims,
  show: (results, given) => lengthTable(results, given, LABELS),
  draw: (results, given) => [
    lengthChart(results, given, LABELS, {
      id: 'negative-eigenvalues-s5',
      title: 'Ours: swaps of five beyond the length of the training',
      description: `Share of right products against the length that is read, after training on ${given.length} tokens.`,
      what: 'right products',
    }),
  ],
});
