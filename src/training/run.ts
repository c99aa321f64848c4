/** A run of training: its settings, as plain values, and its state. */
import { zeroGrad } from '../core/autograd.ts';
import { MemoryError } from '../core/errors.ts';
import { attempting, memoryLimit, release } from '../core/memory.ts';
import { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { gibibytes } from '../variants/check-options.ts';
import { expectRun } from './checks.ts';
import { type Learner, learnerFor, type ModelSettings } from './learner.ts';
import { Adafactor, type AdafactorSettings } from './optimizers/adafactor.ts';
import { AdamW, type AdamWSettings } from './optimizers/adamw.ts';
import type { Optimizer } from './optimizers/optimizer.ts';
import type { Schedule } from './optimizers/schedules.ts';
import { SGD, type SGDSettings } from './optimizers/sgd.ts';
import { expectRunSettings } from './run-settings.ts';
import { openTask } from './tasks/registry.ts';
import type { Task, TaskSettings } from './tasks/task.ts';

type Plain<Settings> = Partial<Omit<Settings, 'decays'>>;

/** Which optimiser a run uses, and its settings; those left out have their defaults. */
export type OptimizerSettings =
  | ({ kind: 'adamw' } & Plain<AdamWSettings>)
  | ({ kind: 'adafactor' } & Plain<AdafactorSettings>)
  | ({ kind: 'sgd' } & Plain<SGDSettings>);

/** All settings of a run: plain values, which a checkpoint holds. The same settings give the same bits. */
export interface RunSettings {
  task: { name: string } & TaskSettings;
  model: ModelSettings;
  optimizer: OptimizerSettings;
  schedule: Schedule;
  steps: number;
  /** Examples in a step. */
  batch: number;
  /** The number of parts in which a batch is processed, one after another, so that it needs the memory of only one. */
  parts: number;
  /** The largest norm of a step's gradients; 0: any. */
  clip: number;
  /** The seed of everything random. */
  seed: number;
  /** Steps between evaluations on held-out examples; the last step is always evaluated. */
  evaluateEvery: number;
  /** Number of held-out examples. They are the same each time. */
  evaluationExamples: number;
  /** Steps between checkpoints; there is always one at the end. */
  checkpointEvery: number;
}

/** A training at some step: what `startRun` and `resumeRun` return, and what `train` continues. */
export interface Run {
  readonly settings: RunSettings;
  readonly task: Task;
  readonly learner: Learner;
  readonly optimizer: Optimizer;
  /** The streams of the steps are split from it; nothing draws from it directly. */
  readonly random: Random;
  /** Steps taken. */
  step: number;
}

/** Defaults for the optional settings of a run, to spread into its settings. */
export const runDefaults = {
  model: { dropout: 0 },
  optimizer: { kind: 'adamw' },
  steps: 1000,
  batch: 16,
  parts: 1,
  clip: 1,
  seed: 0,
  evaluateEvery: 100,
  evaluationExamples: 256,
  checkpointEvery: 500,
} as const satisfies Partial<RunSettings>;

/**
 * Starts a run: makes its task, its model and its optimiser, and takes no step yet. Throws ArgumentError, UnsupportedError or
 * FileFormatError for invalid settings, MemoryError for a step that can never fit, and then holds no memory.
 *
 * @example
 * ```ts
 * const run = startRun({
 *   ...runDefaults,
 *   task: { name: 'copy', length: 32 },
 *   model: { layers: 1, modelDim: 32, heads: 2, attention: { variant: 'longformer' } },
 *   schedule: { kind: 'constant', rate: 3e-3 },
 * });
 * await train(run, { onStep: ({ step, loss }) => console.log(step, loss) });
 * ```
 */
export function startRun(settings: RunSettings): Run {
  expectRunSettings(null, settings);
  const { task: taskSettings, model, seed } = settings;
  const { name, ...own } = taskSettings;
  const task = openTask(name, own);
  const random = new Random(seed);
  const { learner, optimizer } = attempting(() => {
    const learner = learnerFor(task, model, seed);
    expectStepFits(settings, task, learner);
    return { learner, optimizer: makeOptimizer(settings.optimizer, learner.model.parameters()) };
  });
  // Stored with the task's defaults, because a later version may change these.
  const complete = { ...settings, task: { name, ...task.settings } };
  return { settings: complete, task, learner, optimizer, random: random.split('training'), step: 0 };
}

/** Throws MemoryError if the first activations of a step alone are more than all tensors can have. */
function expectStepFits({ batch, parts }: RunSettings, { length }: Task, { model }: Learner): void {
  const { modelDim } = model.config;
  const [examples, limit] = [batch / parts, memoryLimit()];
  const bytes = 4 * modelDim * length * examples;
  if (bytes <= limit) return;
  throw new MemoryError(
    `length, batch: a step reads ${examples} × ${length} tokens of width ${modelDim} at once, which take ` +
      `${gibibytes(bytes)} in each layer, more than the ${gibibytes(limit)} that ` +
      'tensors can have; take a shorter length or a smaller batch, or more parts',
  );
}

/** Releases the memory of a run, which cannot be used afterwards. */
export function endRun(run: Run): void {
  expectRun('run', run);
  const { learner, optimizer } = run;
  endLearner(learner);
  for (const { array } of optimizer.state().values()) release(array.data);
}

/** The same for a model alone. */
export function endLearner({ model }: Learner): void {
  model.body.forget();
  zeroGrad(model.parameters().values());
  for (const { array } of model.tensors().values()) release(array.data);
}

/** Reads a model that is needed for this alone, and releases its memory, also where `read` throws. */
export function readAndEnd<T>(learner: Learner, read: (learner: Learner) => T): T {
  try {
    return read(learner);
  } finally {
    endLearner(learner);
  }
}

function makeOptimizer(settings: OptimizerSettings, parameters: ReadonlyMap<string, Tensor>): Optimizer {
  const { kind, ...own } = settings;
  if (kind === 'adamw') return new AdamW(parameters, own);
  if (kind === 'adafactor') return new Adafactor(parameters, own);
  return new SGD(parameters, own);
}
