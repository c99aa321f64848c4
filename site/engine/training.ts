/** One run of a recipe at a time, which trains until it is told to pause. */

import { ArgumentError } from '../../src/core/errors.ts';
import { pageFiles } from '../../src/core/files/page-files.ts';
import { saveCheckpoint } from '../../src/training/checkpoint.ts';
import { Metrics, stepsPerLine } from '../../src/training/metrics.ts';
import { isReached, type Recipe, runsOf } from '../../src/training/recipes/recipe.ts';
import { recipes } from '../../src/training/recipes/registry.ts';
import { endRun, type Run, startRun } from '../../src/training/run.ts';
import { type Baseline, taskBaseline } from '../../src/training/tasks/baseline.ts';
import { train as trainRun } from '../../src/training/trainer.ts';
import type { Questions, TrainingEvent, TrainingState } from './protocol.ts';

const CHECKPOINT = 'checkpoint.safetensors';
const METRICS = 'metrics.jsonl';

interface Training {
  run: Run;
  /** Of the recipe's runs. */
  name: string;
  recipe: Recipe;
  baseline: Baseline;
  metrics: Metrics;
}

let training: Training | null = null;
let pausing = false;

export function begin({
  recipe: recipeName,
  run: name,
  seed,
}: Questions['begin']['ask']): Questions['begin']['answer'] {
  const recipe = recipes.find((each) => each.name === recipeName);
  const named = recipe && runsOf(recipe).find((each) => each.name === name);
  if (recipe === undefined || named === undefined) {
    throw new ArgumentError(`recipe: there is no run ${name} of ${recipeName}`);
  }
  const run = startRun({ ...named.settings, seed });
  if (training !== null) endRun(training.run);
  const baseline = taskBaseline(run.task);
  training = { run, name, recipe, baseline, metrics: new Metrics(METRICS, 0, stepsPerLine(run.settings.steps)) };
  return { ...stateOf(training, true), baseline };
}

export async function train(tell: (event: TrainingEvent) => void): Promise<TrainingState> {
  const current = needTraining();
  const { run, metrics } = current;
  pausing = false;
  const { stopped } = await trainRun(run, {
    onStep: (report) => {
      metrics.addStep(report);
      tell({ kind: 'step', report });
    },
    onEvaluation: (report) => {
      metrics.addEvaluation(report);
      tell({ kind: 'evaluation', report });
    },
    shouldStop: () => pausing,
  });
  return stateOf(current, stopped);
}

export function pause(): null {
  pausing = true;
  return null;
}

export function checkpoint(): Uint8Array {
  saveCheckpoint(CHECKPOINT, needTraining().run);
  const bytes = pageFiles.get(CHECKPOINT);
  pageFiles.remove(CHECKPOINT);
  return bytes;
}

export function metrics(): string {
  return new TextDecoder().decode(pageFiles.get(needTraining().metrics.path));
}

function stateOf({ run, name, recipe, baseline, metrics: { lines } }: Training, stopped: boolean): TrainingState {
  const { step } = run;
  const { steps } = run.settings;
  const last = lines.findLast((line) => line.kind === 'evaluation');
  const isAtEnd = step === steps && last?.step === step;
  const outcome = { loss: last?.loss ?? Number.NaN, accuracy: last?.accuracy ?? Number.NaN, lines };
  return { step, steps, stopped, reached: isAtEnd ? isReached(recipe.goal, name, outcome, baseline) : null };
}

function needTraining(): Training {
  if (training === null) throw new ArgumentError('train: no run has begun');
  return training;
}
