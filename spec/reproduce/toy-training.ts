/**
 * A training of a second for specs. As a program it trains in the folder of its first argument, and is killed by itself after as
 * many steps as its second says, without a chance to save anything.
 */
import { fileURLToPath } from 'node:url';
import { defineExperiment, type Experiment } from '../../src/reproduce/experiment.ts';
import { PAPERS } from '../../src/reproduce/papers.ts';
import { runExperiment } from '../../src/reproduce/run.ts';
import { type TrainingUnit, trainingUnit } from '../../src/reproduce/training-unit.ts';
import { type RunSettings, runDefaults } from '../../src/training/run.ts';

export const TOY: RunSettings = {
  ...runDefaults,
  task: { name: 'copy', length: 8, symbols: 4 },
  // Dropout and redrawn features need the random streams of a resumed run.
  model: { dropout: 0.1, layers: 1, modelDim: 8, heads: 2, feedForwardDim: 8, attention: { variant: 'performer' } },
  schedule: { kind: 'cosine', peak: 1e-2, warmup: 2, total: 12 },
  steps: 12,
  batch: 4,
  evaluateEvery: 4,
  evaluationExamples: 8,
  checkpointEvery: 3,
};

export function toyTraining(change: Partial<RunSettings> = {}, more: Partial<TrainingUnit> = {}): Experiment {
  return defineExperiment({
    paper: PAPERS.performer,
    table: 'figure-9',
    title: 'A toy that trains',
    source: 'nowhere',
    differences: [],
    settings: { small: {}, paper: {} },
    revision: 1,
    minutes: { small: 1, paper: 1 },
    units: () => [trainingUnit({ name: 'toy', settings: { ...TOY, ...change }, ...more })],
    claims: () => [],
    show: () => ({ titles: [], rows: [] }),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder, steps] = process.argv;
  let left = Number(steps);
  const shouldStop = () => {
    if (left-- <= 0) process.kill(process.pid, 'SIGKILL');
    return false;
  };
  await runExperiment(toyTraining(), { scale: 'small', folder, shouldStop });
}
