/**
 * Small conversions for specs. As a program it converts an encoder and keeps it in the file of its first argument after every step,
 * and is killed by itself in the step of its second.
 */
import { fileURLToPath } from 'node:url';
import type { Random } from '../../src/core/random.ts';
import { fromArray, type Tensor } from '../../src/core/tensor.ts';
import { convertPretrained } from '../../src/pretrained/conversion.ts';
import type { ConversionObserver, ConversionReport } from '../../src/training/conversion/convert.ts';
import { convertModel } from '../../src/training/conversion/learner.ts';
import { runDefaults, startRun } from '../../src/training/run.ts';
import { checkpoint } from '../pretrained/checkpoints.ts';

export const STEPS = 6;

export interface Given extends Omit<ConversionObserver, 'onStep'> {
  kind: 'encoder' | 'model';
  path?: string;
  replace?: boolean;
  rate?: number;
  examples?: string;
  variant?: string;
  match?: 'outputs' | 'weights';
  onStep?(step: number): void;
}

interface Converted {
  tensors: ReadonlyMap<string, Tensor>;
  report: ConversionReport;
}

function settingsOf({
  path,
  match = 'outputs',
  replace = false,
  rate = 0.01,
  examples = 'drawn',
  variant = 'linear-transformer',
}: Given) {
  const keep = path === undefined ? {} : { keep: { path, examples, replace, seconds: 0 } };
  return { steps: STEPS, rate, match, seed: 1, heldOut: 1, attention: { variant }, ...keep };
}

const observerOf = ({ onResume, onStep, shouldStop }: Given): ConversionObserver => ({
  ...(onResume && { onResume }),
  ...(shouldStop && { shouldStop }),
  onStep: ({ step }) => onStep?.(step),
});

function draw(_part: string, random: Random) {
  const ids = Array.from({ length: 2 * 8 }, () => 2 + random.integer(38));
  return { tokens: fromArray(ids, [2, 8], 'int32') };
}

export async function convertedEncoder(given: Given): Promise<Converted> {
  const settings = { ...settingsOf(given), train: 'all', draw } as const;
  const { model, report } = await convertPretrained(checkpoint('bert-model'), settings, observerOf(given));
  return { tensors: model.tensors(), report };
}

const small = startRun({
  ...runDefaults,
  task: { name: 'copy', length: 8 },
  model: { layers: 2, modelDim: 8, heads: 2, attention: { variant: 'full' } },
  schedule: { kind: 'constant', rate: 0.01 },
  seed: 2,
});

export async function convertedModel(given: Given): Promise<Converted> {
  const { learner, settings, step, task } = small;
  const how = { ...settingsOf({ variant: 'performer', ...given }), train: 'attention', batch: 2 } as const;
  const trained = { learner, settings, step, alphabet: task.alphabet };
  const { run, report } = await convertModel(trained, how, observerOf(given));
  return { tensors: run.learner.model.tensors(), report };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , path, last] = process.argv;
  await convertedEncoder({
    kind: 'encoder',
    path,
    onStep: (step) => step === Number(last) && process.kill(process.pid, 'SIGKILL'),
  });
}
