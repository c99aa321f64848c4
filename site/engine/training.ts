/** One run of a recipe at a time, which trains until it is told to pause. */

import { ArgumentError } from '../../src/core/errors.ts';
import { saveCheckpoint } from '../../src/training/checkpoint.ts';
import { runsOf } from '../../src/training/recipes/recipe.ts';
import { recipes } from '../../src/training/recipes/registry.ts';
import { endRun, type Run, startRun } from '../../src/training/run.ts';
import { train as trainRun } from '../../src/training/trainer.ts';
import { need } from './node/files.ts';
import type { Questions, TrainingEvent, TrainingState } from './protocol.ts';

const CHECKPOINT = 'checkpoint.safetensors';

let run: Run | null = null;
let pausing = false;

export function begin({ recipe: recipeName, run: runName, seed }: Questions['begin']['ask']): TrainingState {
  const recipe = recipes.find(({ name }) => name === recipeName);
  const named = recipe && runsOf(recipe).find(({ name }) => name === runName);
  if (named === undefined) throw new ArgumentError(`recipe: there is no run ${runName} of ${recipeName}`);
  if (run !== null) endRun(run);
  run = startRun({ ...named.settings, seed });
  return stateOf(run, true);
}

export async function train(tell: (event: TrainingEvent) => void): Promise<TrainingState> {
  const current = needRun();
  pausing = false;
  const { stopped } = await trainRun(current, {
    onStep: (report) => tell({ kind: 'step', report }),
    onEvaluation: (report) => tell({ kind: 'evaluation', report }),
    shouldStop: () => pausing,
  });
  return stateOf(current, stopped);
}

export function pause(): null {
  pausing = true;
  return null;
}

export function checkpoint(): Uint8Array {
  saveCheckpoint(CHECKPOINT, needRun());
  return need(CHECKPOINT).slice();
}

function stateOf({ step, settings: { steps } }: Run, stopped: boolean): TrainingState {
  return { step, steps, stopped };
}

function needRun(): Run {
  if (run === null) throw new ArgumentError('train: no run has begun');
  return run;
}
