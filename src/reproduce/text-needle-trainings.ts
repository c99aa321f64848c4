/** The trainings of Gated DeltaNet's table 2 on text (Yang et al. 2025): first on short passages, then on longer ones. */
import { join } from 'node:path';
import { evaluate } from '../training/evaluate.ts';
import { copyNamed } from '../training/module.ts';
import { rebuilt } from '../training/reattend.ts';
import { mqarRecipe } from '../training/recipes/mqar.ts';
import { runsAbove } from '../training/recipes/recall-runs.ts';
import { runsOf } from '../training/recipes/recipe.ts';
import { endRun, type Run, type RunSettings, readAndEnd } from '../training/run.ts';
import { openTask } from '../training/tasks/registry.ts';
import type { Settings, Unit, UnitContext } from './experiment.ts';
import { unitName } from './over-seeds.ts';
import type { Numbers } from './results.ts';
import { trainIn, trainingUnit } from './training-unit.ts';

export interface Given extends Settings {
  /** Bytes that training begins with, for so many steps. */
  shortLength: number;
  shortSteps: number;
  /** Of Mamba-2, which finds its first needle later. */
  shortStepsMamba2: number;
  /** Of the training that goes on from there. */
  length: number;
  /** Of the evaluations. */
  lengths: readonly number[];
  seeds: readonly number[];
  steps: number;
  batch: number;
  modelDim: number;
  heads: number;
  /** Digits of a number, and hexadecimal digits of a UUID. */
  digits: number;
  hexDigits: number;
  examples: number;
}

export const LABELS = {
  mamba2: 'Mamba-2',
  gla: 'GLA',
  deltanet: 'DeltaNet',
  'gated-deltanet': 'Gated DeltaNet',
} as const;
export type Model = keyof typeof LABELS;
export const MODELS = Object.keys(LABELS) as Model[];
export const KINDS = { 'S-NIAH-2': 'numbers', 'S-NIAH-3': 'UUIDs' } as const;
export type Kind = keyof typeof KINDS;

/** Of an evaluation, whose codes are of one kind. */
function taskOf(kind: Kind, { digits, hexDigits }: Given, length: number): RunSettings['task'] {
  return kind === 'S-NIAH-2'
    ? { name: 'text-needle', length, items: digits, symbols: 10 }
    : { name: 'text-needle', length, items: hexDigits, symbols: 16 };
}

type Part = Pick<Given, 'length' | 'steps'>;
const beginningOf = ({ shortLength, shortSteps, shortStepsMamba2 }: Given, model: Model): Part => {
  return { length: shortLength, steps: model === 'mamba2' ? shortStepsMamba2 : shortSteps };
};

/** A part of the training. Its codes are numbers and UUIDs, in equal shares. */
function settingsOf(given: Given, model: Model, seed: number, { length, steps }: Part): RunSettings {
  const { modelDim, heads, batch, hexDigits } = given;
  const [{ settings }] = runsOf({ ...mqarRecipe, runs: runsAbove({ [model]: {} }) });
  return {
    ...settings,
    task: { ...taskOf('S-NIAH-2', given, length), moreCodes: `${hexDigits}x16` },
    model: { ...settings.model, modelDim, heads, feedForwardDim: modelDim },
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 50, total: steps },
    ...{ steps, batch, seed, evaluateEvery: 200, evaluationExamples: 128, checkpointEvery: 100 },
  };
}

/** Goes on with the weights of the short training, whose curve the log has, on longer passages. */
async function measure(given: Given, model: Model, short: Run, context: UnitContext): Promise<Numbers | null> {
  const settings = settingsOf(given, model, short.settings.seed, given);
  const begin = ({ learner }: Run) =>
    copyNamed(learner.model.parameters(), short.learner.model.parameters(), 'weights');
  const trained = await trainIn(join(context.folder(), 'longer'), settings, context, { begin });
  if (trained === null) return null;
  try {
    return found(given, trained.run);
  } finally {
    endRun(trained.run);
  }
}

/** The name of a number. */
export const TEXT = 'bits of text';

/** The share of codes that are right at every length, and the bits that a byte of text alone takes. */
function found(given: Given, { learner, settings }: Run): Numbers {
  const { seed } = settings;
  const { length, lengths, examples } = given;
  const read = (tokens: number, { name, ...own }: RunSettings['task']) => {
    const longer = rebuilt(learner, { length: tokens }, seed);
    return readAndEnd(longer, () => evaluate(longer, openTask(name, own), { examples, batch: 16, seed }));
  };
  const rights = (kind: Kind) => lengths.map((tokens) => read(tokens, taskOf(kind, given, tokens)).accuracy);
  return {
    ...{ 'S-NIAH-2': rights('S-NIAH-2'), 'S-NIAH-3': rights('S-NIAH-3') },
    [TEXT]: read(length, { name: 'byte-lm', length }).loss / Math.LN2,
  };
}

/** A unit for each model and seed. */
export const units = (given: Given): Unit[] =>
  given.seeds.flatMap((seed) =>
    MODELS.map((model) =>
      trainingUnit({
        name: unitName(model, seed),
        settings: settingsOf(given, model, seed, beginningOf(given, model)),
        measure: (short, context) => measure(given, model, short, context),
      }),
    ),
  );
