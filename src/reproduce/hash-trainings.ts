/** The trainings of Reformer's table 2 (Kitaev et al. 2020), each evaluated with several numbers of hashes and without hashing. */
import { evaluate } from '../training/evaluate.ts';
import type { Learner } from '../training/learner.ts';
import { reattended } from '../training/reattend.ts';
import { hashesRecipe, hashing } from '../training/recipes/hashes.ts';
import { runsOf } from '../training/recipes/recipe.ts';
import { endLearner, type Run, type RunSettings } from '../training/run.ts';
import type { Settings, Unit } from './experiment.ts';
import type { Numbers } from './results.ts';
import { attendShared, type SharedAttention } from './shared-attention.ts';
import { trainingUnit } from './training-unit.ts';

export interface Given extends Settings {
  /** Rows: of TRAINED. */
  trained: readonly Trained[];
  seeds: readonly number[];
  steps: number;
  examples: number;
}

/** Trained in full attention without the rule; the others by the names of the recipe's runs. */
export const ITSELF = 'full, also itself';
export const TRAINED = {
  'no-hashing': 'full',
  [ITSELF]: ITSELF,
  '4-hashes': '4 hashes',
  '2-hashes': '2 hashes',
  '1-hash': '1 hash',
};
export type Trained = keyof typeof TRAINED;

export const isHashed = (trained: Trained) => /hash(es)?$/.test(TRAINED[trained]);

export const COLUMNS = ['full', '8 hashes', '4 hashes', '2 hashes', '1 hash'] as const;
export const FROM_ONE = ['1 hash', '2 hashes', '4 hashes', '8 hashes'] as const;
/** Full attention in other ways. */
export const OTHERWISE = {
  'full, also itself': { normalised: true, meetsItself: true },
  'full, k = q': { normalised: false, meetsItself: false },
  'full, k = q, also itself': { normalised: false, meetsItself: true },
} as const satisfies Record<string, SharedAttention>;
export type Column = (typeof COLUMNS)[number] | keyof typeof OTHERWISE;

export const unitName = (trained: Trained, seed: number) => `${trained}, seed ${seed}`;

function settingsOf({ steps }: Given, trained: Trained, seed: number): RunSettings {
  const run = trained === ITSELF ? 'no-hashing' : trained;
  const { settings } = runsOf(hashesRecipe).find(({ name }) => name === run) as { settings: RunSettings };
  const schedule = { ...settings.schedule, total: steps } as RunSettings['schedule'];
  return { ...settings, steps, schedule, seed, checkpointEvery: 250 };
}

/** The share of symbols that are right, for every column. */
function measure({ learner, settings, task }: Run, { examples }: Given): Numbers {
  const share = (hashes: number | 'all', change: (own: Learner) => void = () => {}) => {
    const own = reattended({ learner, settings }, { reformer: hashing(hashes) });
    change(own);
    const { accuracy } = evaluate(own, { ...task, accuracy: 'target' }, { examples, batch: 8, seed: settings.seed });
    endLearner(own);
    return accuracy;
  };
  const hashed = COLUMNS.map((name) => [name, share(name === 'full' ? 'all' : Number.parseInt(name, 10))]);
  const others = Object.entries(OTHERWISE).map(([name, way]) => [name, share('all', (own) => attendShared(own, way))]);
  return Object.fromEntries([...hashed, ...others]);
}

/** By seed, so that a run that is interrupted has whole tables. */
export const units = (given: Given): Unit[] =>
  given.seeds.flatMap((seed) =>
    given.trained.map((trained) =>
      trainingUnit({
        name: unitName(trained, seed),
        settings: settingsOf(given, trained, seed),
        ...(trained === ITSELF && {
          prepare: ({ learner }: Run) => attendShared(learner, { normalised: true, meetsItself: true }),
        }),
        measure: (run) => measure(run, given),
      }),
    ),
  );
