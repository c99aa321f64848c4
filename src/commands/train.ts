/** `train`: a model with any attention on a task, a recipe, or on from a checkpoint. */

import { dirname } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { InputFile } from '../core/files/input-file.ts';
import { type KernelBuild, type KernelSet, kernelBuild, wantedByEnvironment } from '../core/kernels/simd.ts';
import { poolReady, setKernels } from '../core/parallel/pool.ts';
import { kernelsOf, previousOf, resumeRun } from '../training/checkpoint.ts';
import { Metrics, stepsPerLine } from '../training/metrics.ts';
import { recipeOf } from '../training/recipes/recipe-of.ts';
import { defaultRecipe, recipes } from '../training/recipes/registry.ts';
import { endRun, startRun } from '../training/run.ts';
import { tasks } from '../training/tasks/registry.ts';
import { defineCommand, PROGRAM, type Running } from './command.ts';
import { checkOutputs } from './outputs.ts';
import { applyMachine } from './shared-options.ts';
import { expectTogether, planOf, type TrainValues, trainOptions, variantName } from './train-options.ts';
import {
  checkpointAt,
  expectNoCheckpoint,
  filesBeside,
  HeldFolders,
  type RunFiles,
  runFiles,
  type TrainingFiles,
  tellUnverified,
  trainingFiles,
} from './training-folder.ts';
import { Training } from './training-runs.ts';

function describe() {
  const list = (named: readonly { name: string; summary: string }[]) =>
    named.map(({ name, summary }) => `${name} (${summary})`).join('; ');
  return {
    usage: `${PROGRAM} train`,
    details:
      `Without a task, the recipe ${defaultRecipe.name}. Tasks: ${list(tasks)}. Recipes: ${list(recipes)}. ` +
      'Ctrl-C (and SIGTERM, a terminal that closes, `| head`) stops after the step, and writes the checkpoint to go on from.',
    positionals: ['TASK'],
    options: trainOptions(),
    examples: [
      { command: `${PROGRAM} train duplication --length 32 --steps 500`, explanation: 'Full attention, half a minute' },
      {
        command: `${PROGRAM} train copy --sweep full,linear-transformer,performer --steps 500`,
        explanation: 'Three variants at equal steps, and a table; with --minutes 5 at equal time',
      },
      { command: `${PROGRAM} train --recipe duplication`, explanation: 'A training that is known to reach its goal' },
      {
        command: `${PROGRAM} train --resume out/byte-lm-full`,
        explanation: 'Resume it: the end has the same bits as without the break',
      },
    ],
  };
}

export const trainCommand = defineCommand('train', describe, async ({ values, positionals, given }, host) => {
  expectTogether(positionals, given);
  applyMachine(values);
  const checkpoint = values.resume === undefined ? undefined : checkpointAt(values.resume);
  if (checkpoint !== undefined) takeKernelsOf(kernelsOf(checkpoint), values.kernels);
  await poolReady();
  return checkpoint === undefined ? await begin(positionals[0], values, host) : await goOn(checkpoint, values, host);
});

async function begin(word: string | undefined, values: TrainValues, host: Running): Promise<number> {
  const { runs: all, recipe, folder } = planOf(word, values);
  const files = all.map(({ name }) => runFiles(folder, name, all.length));
  // What cannot be right is said before the first step of the first run.
  for (const { settings } of all) endRun(startRun(settings));
  // What nobody asked for by name may be done again: it comes to the same.
  const isDefault = word === undefined && values.recipe === undefined && values.out === undefined;
  const mayReplace = values.overwrite || isDefault;
  if (!mayReplace) expectNoCheckpoint(files);
  const folders = new HeldFolders([folder, ...files.map(folderOf)], 'train', host);
  try {
    // Another training may have come to its end since.
    if (!mayReplace) expectNoCheckpoint(files);
    expectWritable([trainingFiles(folder), ...files]);
    const training = new Training({ recipe, minutes: values.minutes, folders }, host);
    return await training.all(trainingFiles(folder), async () => {
      for (const [n, { name, settings }] of all.entries()) {
        if (host.stop.asked()) break;
        const metrics = new Metrics(files[n].metrics, 0, recipe && stepsPerLine(settings.steps));
        await training.run(name, startRun(settings), files[n], metrics, all.length > 1);
      }
    });
  } finally {
    folders.release();
  }
}

async function goOn(path: string, values: TrainValues, host: Running): Promise<number> {
  const files = filesBeside(path.replace(previousOf('.safetensors'), '.safetensors'));
  // That it is there at all, before anything is written beside it.
  const { path: checkpoint } = new InputFile(path);
  const folders = new HeldFolders([folderOf(files)], 'train --resume', host);
  try {
    const { kernels, isVerified, ...run } = resumeRun(checkpoint);
    expectWritable([files]);
    const { recipe, name } = recipeOf(run.settings) ?? { recipe: undefined, name: variantName(run.settings) };
    const training = new Training({ recipe, minutes: values.minutes, folders }, host);
    const metrics = new Metrics(files.metrics, run.step, recipe && stepsPerLine(run.settings.steps));
    tellUnverified(checkpoint, isVerified, host);
    const difference = run.step === 0 ? null : differenceTo(kernels);
    if (difference !== null) {
      host.stderr.write(`${checkpoint}: ${difference}\n`);
      metrics.addNote(run.step, difference);
    }
    host.stdout.write(`From step ${run.step} of ${run.settings.steps}\n`);
    return await training.all(files, () => training.run(name, run, files, metrics, false));
  } finally {
    folders.release();
  }
}

function folderOf({ checkpoint }: RunFiles): string {
  return dirname(checkpoint);
}

/** Before the first step, of all that a training will write. */
function expectWritable(files: readonly (RunFiles | TrainingFiles)[]): void {
  checkOutputs(files.flatMap((each) => Object.values(each)).map((path) => ({ flag: '--out', path })));
}

/** Takes them where nothing else was asked for and they can be had. To be called before any kernel runs. */
function takeKernelsOf(before: KernelBuild | null, asked: KernelSet | undefined): void {
  const wanted = asked ?? wantedByEnvironment() ?? undefined;
  const isFree = wanted === undefined || (wanted === 'simd' && before !== 'plain');
  if (before === null || !isFree) return;
  try {
    setKernels(before);
  } catch (error) {
    // Not built here, or of another engine: `differenceTo` says so.
    if (!(error instanceof ArgumentError)) throw error;
  }
}

/** What to tell of a run that goes on on other kernels; null: on the same, or nobody knows. */
function differenceTo(before: KernelBuild | null): string | null {
  const now = kernelBuild();
  if (before === null || before === now) return null;
  return (
    `its steps so far ran on ${NAMES[before]}, those from here on run on ${NAMES[now]}: ` +
    'the run goes on as well, but not to the same bits as without the break'
  );
}

const NAMES: Readonly<Record<KernelBuild, string>> = {
  plain: 'plain kernels',
  vector: 'vector kernels',
  relaxed: 'vector kernels with fused multiply-adds',
};
