/** `train`: a model with any attention on a task, a recipe, or on from a checkpoint. */

import { dirname } from 'node:path';
import { ArgumentError, FileFormatError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { InputFile } from '../core/files/input-file.ts';
import { namesIn } from '../core/files/system-error.ts';
import { type KernelBuild, type KernelSet, kernelBuild, wantedByEnvironment } from '../core/kernels/simd.ts';
import { poolReady, setKernels } from '../core/parallel/pool.ts';
import { formatWhole } from '../terminal/format.ts';
import { kernelsOf, previousOf, resumeRun } from '../training/checkpoint.ts';
import { type LongerRun, longerRun } from '../training/longer.ts';
import { Metrics, stepsPerLine } from '../training/metrics.ts';
import { recipeOf } from '../training/recipes/recipe-of.ts';
import { endRun, type Run, startRun } from '../training/run.ts';
import type { Given, Running } from './command.ts';
import { configText, historyIn, longerConfig, withConfig } from './config-file.ts';
import { EventFile } from './event-file.ts';
import { checkOutputs } from './outputs.ts';
import { checkpointToResume, expectNoneBegun } from './runs-in-folder.ts';
import { applyMachine } from './shared-options.ts';
import { expectTogether, type TrainOptions, type TrainValues, trainOptions } from './train-options.ts';
import { planOf, variantName } from './train-plan.ts';
import {
  expectNothingLost,
  filesBeside,
  HeldFolders,
  lostBy,
  lostTogether,
  type RunFiles,
  runFiles,
  type TogetherFiles,
  togetherFiles,
  warnUnverified,
} from './training-folder.ts';
import { Training } from './training-runs.ts';

/** Makes the requested runs; returns the exit code. */
export async function runTrain(asked: Given<TrainOptions>, host: Running): Promise<number> {
  const { config } = asked.values;
  const { values, positionals, given } =
    config === undefined ? asked : withConfig(config, trainOptions(), asked, FROM_FILE);
  expectTogether(positionals, given);
  if (config !== undefined) reportHistory(config, host);
  applyMachine(values);
  const checkpoint = values.resume === undefined ? undefined : checkpointToResume(values.resume);
  if (checkpoint !== undefined) takeKernelsOf(kernelsOf(checkpoint), values.kernels);
  await poolReady();
  return checkpoint === undefined ? await begin(positionals[0], values, host) : await goOn(checkpoint, values, host);
}

async function begin(word: string | undefined, values: TrainValues, host: Running): Promise<number> {
  const { runs: all, recipe, together } = planOf(word, values);
  const files = all.map(({ folder }) => runFiles(folder));
  const around = together === null ? null : togetherFiles(together);
  // Invalid settings are reported before the first step of the first run.
  for (const { settings } of all) endRun(startRun(settings));
  const expectRoom = () => {
    if (values.overwrite) return;
    if (together !== null) expectNoneBegun(together, all);
    expectNothingLost([...files.flatMap(lostBy), ...(around === null ? [] : lostTogether(around))]);
  };
  expectRoom();
  const folders = new HeldFolders([...(together === null ? [] : [together]), ...files.map(folderOf)], 'train', host);
  try {
    // Another training may have come to its end since.
    expectRoom();
    expectWritable([...(around === null ? [] : [around]), ...files]);
    // Also for the runs that are never reached, so that they can be started from it.
    for (const [n, { options }] of all.entries()) writeFileAtomically(files[n].config, configText(options));
    const training = new Training(
      { recipe, minutes: values.minutes, profile: values.profile, folders, runs: all.length },
      host,
    );
    let started = 0;
    const runs = async () => {
      for (const [n, { name, settings, options, folder }] of all.entries()) {
        if (host.stop.asked()) break;
        started++;
        const metrics = new Metrics(files[n].metrics, 0, recipe && stepsPerLine(settings.steps));
        const events = values.tensorboard ? new EventFile(folder, 0) : null;
        const config = configText(options);
        await training.run({
          name,
          run: startRun(settings),
          files: files[n],
          metrics,
          config,
          isConfigOld: false,
          events,
          savedStep: null,
        });
      }
    };
    const notStarted = () =>
      all.map(({ name, folder }, n) => ({ name, folder, config: files[n].config })).slice(started);
    return await training.all(around, runs, notStarted);
  } finally {
    folders.release();
  }
}

async function goOn(path: string, values: TrainValues, host: Running): Promise<number> {
  const files = filesBeside(path.replace(previousOf('.safetensors'), '.safetensors'));
  // Check that it exists before anything is written next to it.
  const { path: checkpoint } = new InputFile(path);
  const folder = folderOf(files);
  const folders = new HeldFolders([folder], 'train --resume', host);
  try {
    const { kernels, isVerified, ...before } = resumeRun(checkpoint);
    const longer = values.steps === undefined ? null : longerRun(before, values.steps);
    const run = longer?.run ?? before;
    expectWritable([files]);
    const { recipe, name } = recipeOf(run.settings) ?? { recipe: undefined, name: variantName(run.settings) };
    const training = new Training({ recipe, minutes: values.minutes, profile: values.profile, folders, runs: 1 }, host);
    const metrics = new Metrics(files.metrics, run.step, recipe && stepsPerLine(run.settings.steps));
    warnUnverified(checkpoint, isVerified, host);
    const difference = run.step === 0 ? null : differenceTo(kernels);
    if (difference !== null) {
      host.stderr.write(`${checkpoint}: ${difference}\n`);
      metrics.addNote(run.step, difference);
    }
    host.stdout.write(
      `From step ${run.step} of ${run.settings.steps}${longer === null ? '' : lengthened(before, longer)}\n`,
    );
    const events = eventsOf(folder, run.step, values.tensorboard, metrics);
    const savedStep = checkpoint === files.checkpoint ? run.step : null;
    const config = longer === null ? null : configAfter(files.config, before, longer);
    const kept = { name, run, files, metrics, config, isConfigOld: config !== null, events, savedStep };
    return await training.all(
      null,
      () => training.run(kept),
      () => [],
    );
  } finally {
    folders.release();
  }
}

/** How a config file names the task, and which of its options an option of the command line replaces. */
const FROM_FILE = {
  word: 'task',
  instead: { task: ['recipe'], recipe: ['task'], attention: ['sweep'], sweep: ['attention'] },
};

/** The events of a resumed run for TensorBoard: also without `--tensorboard`, if the run already has some. */
function eventsOf(folder: string, step: number, isAsked: boolean, metrics: Metrics): EventFile | null {
  const isSeen = namesIn(folder).some((name) => name.includes('tfevents'));
  if (!isSeen && !isAsked) return null;
  const events = new EventFile(folder, isSeen ? step : 0);
  if (!isSeen) for (const line of metrics.lines) events.add(line);
  return events;
}

/** The text of a run's config.json from its next checkpoint on; null where it has none of ours. */
function configAfter(path: string, { step, settings: { steps } }: Run, { run }: LongerRun): string | null {
  try {
    return longerConfig(path, steps, { 'from-step': step, steps: run.settings.steps });
  } catch (error) {
    // Of another program.
    if (error instanceof FileFormatError) return null;
    throw error;
  }
}

/** Says that a config.json is of a run that was trained in parts, which no training repeats at once. */
function reportHistory(path: string, { stderr }: Running): void {
  const parts = historyIn(path);
  if (parts.length < 2) return;
  const counts = parts.map(({ steps }) => formatWhole(steps)).join(', then to ');
  stderr.write(`${path}: its run was trained to ${counts} steps; this one takes all of its steps at once\n`);
}

/** How added steps change the bits of the result. */
function lengthened({ settings: { steps } }: Run, { isAsFromTheStart, run }: LongerRun): string {
  if (isAsFromTheStart) return `: to the same bits as a run that began with ${run.settings.steps} steps`;
  return (
    `: its learning rate so far was planned for ${steps} steps, and from here on for ${run.settings.steps}, ` +
    'so its bits differ from those of a run that began with these'
  );
}

function folderOf({ checkpoint }: RunFiles): string {
  return dirname(checkpoint);
}

/** Checks, before the first step, everything that a training will write. */
function expectWritable(files: readonly (RunFiles | TogetherFiles)[]): void {
  checkOutputs(
    files.flatMap(({ curves, ...others }) => [
      { flag: '--out', path: curves, ifForeign: 'move it away' },
      ...Object.values(others).map((path) => ({ flag: '--out', path })),
    ]),
  );
}

/** Uses the kernels of the checkpoint if no others were requested and they are available. To be called before any kernel runs. */
function takeKernelsOf(before: KernelBuild | null, asked: KernelSet | undefined): void {
  const wanted = asked ?? wantedByEnvironment() ?? undefined;
  const isFree = wanted === undefined || (wanted === 'simd' && before !== 'plain');
  if (before === null || !isFree) return;
  try {
    setKernels(before);
  } catch (error) {
    // They are not built here, or need another engine: `differenceTo` reports it.
    if (!(error instanceof ArgumentError)) throw error;
  }
}

/** The message for a run that resumes on other kernels; null if they are the same or unknown. */
function differenceTo(before: KernelBuild | null): string | null {
  const now = kernelBuild();
  if (before === null || before === now) return null;
  return (
    `its steps so far ran on ${NAMES[before]}, those from here on run on ${NAMES[now]}: ` +
    'the run continues just as well, but not to the same bits as without the break'
  );
}

const NAMES: Readonly<Record<KernelBuild, string>> = {
  plain: 'plain kernels',
  vector: 'vector kernels',
  relaxed: 'vector kernels with fused multiply-adds',
};
