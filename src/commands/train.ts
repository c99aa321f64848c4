/** `train`: a model with any attention on a task, a recipe, or on from a checkpoint. */
import { poolReady } from '../core/parallel/pool.ts';
import { previousOf, resumeRun } from '../training/checkpoint.ts';
import { Metrics, stepsPerLine } from '../training/metrics.ts';
import { defaultRecipe, recipes } from '../training/recipes/registry.ts';
import { endRun, startRun } from '../training/run.ts';
import { tasks } from '../training/tasks/registry.ts';
import { defineCommand, type Host, PROGRAM } from './command.ts';
import { applyMachine } from './shared-options.ts';
import { expectTogether, planOf, type TrainValues, trainOptions, variantName } from './train-options.ts';
import { checkpointAt, filesBeside, prepareFolders, runFiles, trainingFiles } from './training-folder.ts';
import { type Interrupt, Training } from './training-runs.ts';

function describe() {
  const list = (named: readonly { name: string; summary: string }[]) =>
    named.map(({ name, summary }) => `${name} (${summary})`).join('; ');
  return {
    usage: `${PROGRAM} train`,
    summary: 'Trains a model with any attention on a task whose examples are generated from a seed.',
    details:
      `Without a task, the recipe ${defaultRecipe.name}. Tasks: ${list(tasks)}. Recipes: ${list(recipes)}. ` +
      'Ctrl-C stops after the step, and writes the checkpoint to go on from.',
    positionals: ['TASK'],
    options: trainOptions(),
    examples: [
      { command: `${PROGRAM} train duplication --length 32 --steps 500`, explanation: 'Full attention, half a minute' },
      {
        command: `${PROGRAM} train copy --sweep full,linear-transformer,performer --steps 500`,
        explanation: 'Three variants at equal steps, and a table; with --minutes 5 at equal time',
      },
      { command: `${PROGRAM} train --recipe duplication`, explanation: 'A training that is known to work' },
      {
        command: `${PROGRAM} train --resume out/byte-lm-full`,
        explanation: 'On to the end, to the same bits as without the break',
      },
    ],
  };
}

export const trainCommand = defineCommand('train', describe, async ({ values, positionals, given }, host) => {
  expectTogether(positionals, given);
  applyMachine(values);
  await poolReady();
  const interrupt = listenForInterrupt();
  try {
    return values.resume === undefined
      ? await begin(positionals[0], values, interrupt, host)
      : await goOn(checkpointAt(values.resume), values, interrupt, host);
  } finally {
    interrupt.end();
  }
});

async function begin(word: string | undefined, values: TrainValues, interrupt: Interrupt, host: Host): Promise<number> {
  const { runs: all, recipe, folder } = planOf(word, values);
  const files = all.map(({ name }) => runFiles(folder, name, all.length));
  // What cannot be right is said before the first step of the first run.
  for (const { settings } of all) endRun(startRun(settings));
  // What nobody asked for by name may be done again: it comes to the same.
  const isDefault = word === undefined && values.recipe === undefined && values.out === undefined;
  prepareFolders(files, values.overwrite || isDefault);

  const training = new Training({ recipe, minutes: values.minutes }, interrupt, host);
  for (const [n, { name, settings }] of all.entries()) {
    if (interrupt.asked()) break;
    const metrics = new Metrics(files[n].metrics, 0, recipe && stepsPerLine(settings.steps));
    await training.run(name, startRun(settings), files[n], metrics, all.length > 1);
  }
  return training.end(trainingFiles(folder));
}

async function goOn(path: string, values: TrainValues, interrupt: Interrupt, host: Host): Promise<number> {
  const run = resumeRun(path);
  const files = filesBeside(path.replace(previousOf('.safetensors'), '.safetensors'));
  const training = new Training({ recipe: undefined, minutes: values.minutes }, interrupt, host);
  host.stdout.write(`From step ${run.step} of ${run.settings.steps}\n`);
  await training.run(variantName(run.settings), run, files, new Metrics(files.metrics, run.step), false);
  return training.end(files);
}

/** The first Ctrl-C is an instruction to stop when it suits; the second does what it always does. */
function listenForInterrupt(): Interrupt {
  let asked = false;
  const listener = () => {
    asked = true;
  };
  process.once('SIGINT', listener);
  return { asked: () => asked, end: () => process.off('SIGINT', listener) };
}
