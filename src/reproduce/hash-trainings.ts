/** The trainings of Reformer's table 2 (Kitaev et al. 2020), each evaluated with several numbers of hashes and without hashing. */
import { evaluate } from '../training/evaluate.ts';
import type { Learner } from '../training/learner.ts';
import { reattended } from '../training/reattend.ts';
import { hashesRecipe, hashing } from '../training/recipes/hashes.ts';
import { runsOf } from '../training/recipes/recipe.ts';
import { type Run, type RunSettings, readAndEnd } from '../training/run.ts';
import type { Settings, Unit } from './experiment.ts';
import { unitName } from './over-seeds.ts';
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

/** Training of a row: the recipe's, with these steps and, if it is given, at another length. */
export function trainingOf(
  trained: Trained,
  { seed, steps, length }: { seed: number; steps: number; length?: number },
): RunSettings {
  const run = trained === ITSELF ? 'no-hashing' : trained;
  const { settings } = runsOf(hashesRecipe).find(({ name }) => name === run) as { settings: RunSettings };
  const schedule = { ...settings.schedule, total: steps } as RunSettings['schedule'];
  return {
    ...(length === undefined ? settings : atLength(settings, length)),
    steps,
    schedule,
    seed,
    checkpointEvery: 250,
  };
}

type Options = { numBuckets: number; numHashes: number };

/** One chunk and one bucket are as long as the sequence, where the attention has them; chunks of hashes stay. */
function atLength(settings: RunSettings, length: number): RunSettings {
  const { attention } = settings.model as unknown as { attention: { options: Options } };
  const { numBuckets, numHashes } = attention.options;
  const options = hashing(numBuckets === 1 ? 'all' : numHashes, length);
  const model = { ...settings.model, attention: { ...attention, options } } as RunSettings['model'];
  return { ...settings, task: { ...settings.task, length }, model };
}

/** Calls `read` with the trained model as it attends with so many hashes, or in full attention. By default chunks stay as long. */
export function withHashes<T>(
  { learner, settings }: Run,
  hashes: number | 'all',
  read: (own: Learner) => T,
  chunkLength?: number,
): T {
  const options = hashing(hashes, Number(settings.task.length));
  const own = reattended({ learner, settings }, { reformer: { ...options, ...(chunkLength && { chunkLength }) } });
  return readAndEnd(own, read);
}

/** The share of symbols that are right, for every column. */
function measure(run: Run, { examples }: Given): Numbers {
  const { settings, task } = run;
  const share = (hashes: number | 'all', change: (own: Learner) => void = () => {}) =>
    withHashes(run, hashes, (own) => {
      change(own);
      return evaluate(own, { ...task, accuracy: 'target' }, { examples, batch: 8, seed: settings.seed }).accuracy;
    });
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
        settings: trainingOf(trained, { seed, steps: given.steps }),
        ...(trained === ITSELF && {
          prepare: ({ learner }: Run) => attendShared(learner, { normalised: true, meetsItself: true }),
        }),
        measure: (run) => measure(run, given),
      }),
    ),
  );
