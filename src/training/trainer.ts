/**
 * The training loop. A step draws a batch from its own random stream, adds up gradients over the parts of the batch, and
 * updates the parameters. It depends only on the parameters, the optimiser's state, the seed and the step's number, so a run
 * resumed from these continues to the same bits, on any number of threads.
 */

import { nextTurn } from '#platform/turn';
import { backward, zeroGrad } from '../core/autograd.ts';
import { NumericalError } from '../core/errors.ts';
import { expectFunction, expectRecord, optional } from '../core/expect.ts';
import { collectGarbage } from '../core/garbage.ts';
import { opEnded } from '../core/profile.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { expectRun } from './checks.ts';
import { originOf, originOfGradient } from './diagnosis.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import type { Routed } from './feed-forward/kind.ts';
import { lossOf } from './learner.ts';
import type { ForwardContext } from './module.ts';
import { clipScale, gradientNorm } from './optimizers/optimizer.ts';
import { learningRate } from './optimizers/schedules.ts';
import type { Run } from './run.ts';
import { type Batch, drawBatch } from './tasks/batch.ts';

/** The result of a step. */
export interface StepReport {
  step: number;
  /** Nats for each target that counts, before the step. */
  loss: number;
  /** The gradient norm before clipping. */
  gradientNorm: number;
  learningRate: number;
  /** Tokens read in this step, including padding. */
  tokens: number;
  milliseconds: number;
  /** The sum of losses besides the task's, with their weights: of layers, and of hidden sentences. Not part of `loss`. */
  auxiliary?: number;
  /** Of a model whose feed-forward layers route tokens: the share of choices that met a full expert. */
  dropped?: number;
}

/** The result of an evaluation during training, and its step. */
export interface EvaluationReport extends Evaluation {
  step: number;
}

/** Callbacks of `train`, each with a report; all are optional. */
export interface Observer {
  onStep?(report: StepReport): void;
  onEvaluation?(report: EvaluationReport): void;
  /**
   * Called to write a checkpoint: every `checkpointEvery` steps, and when the loop ends. If an error ends it, the checkpoint
   * has the state before the failed step. A NumericalError writes none, because the same steps would lead to it again.
   */
  onCheckpoint?(run: Run): void;
  /** Asked after each step. */
  shouldStop?(): boolean;
}

/**
 * A collection takes about as long as a small step, so it takes at most one percent of the time, and 5000 steps hold no more
 * memory than 200.
 */
const STEPS_PER_COLLECTION = 100;

/**
 * Takes the remaining steps of a run, or fewer if it is asked to stop; returns whether it was stopped. Throws NumericalError,
 * with its origin, for a loss or a gradient that is not finite; the parameters are then as before the step.
 *
 * @example
 * ```ts
 * const end = Date.now() + 60_000;
 * await train(run, { onCheckpoint: (run) => saveCheckpoint('run.safetensors', run), shouldStop: () => Date.now() > end });
 * ```
 */
export async function train(run: Run, observer: Observer = {}): Promise<{ stopped: boolean }> {
  expectRun('run', run);
  const heard = optional(expectFunction);
  expectRecord('observer', observer as object, {
    onStep: heard,
    onEvaluation: heard,
    onCheckpoint: heard,
    shouldStop: heard,
  });
  const { settings, task, learner } = run;
  const { steps, evaluateEvery, evaluationExamples: examples, checkpointEvery, seed } = settings;
  const batch = settings.batch / settings.parts;
  let stopped = false;
  let saved = run.step;
  const save = () => {
    observer.onCheckpoint?.(run);
    saved = run.step;
  };
  while (run.step < steps && !stopped) {
    const report = takeStep(run, () => run.step > saved && save());
    observer.onStep?.(report);
    if (run.step % STEPS_PER_COLLECTION === 0) collectGarbage();
    // Give Ctrl-C and the garbage collector's finalisers a turn.
    await nextTurn();
    stopped = observer.shouldStop?.() ?? false;
    const isLast = run.step === steps || stopped;
    if (isLast || run.step % checkpointEvery === 0) {
      save();
      await nextTurn();
    }
    if (isLast || run.step % evaluateEvery === 0) {
      observer.onEvaluation?.({ step: run.step, ...evaluate(learner, task, { examples, batch, seed }) });
    }
  }
  return { stopped };
}

/** `onError` is called if an error occurs before the first parameter is updated. */
function takeStep(run: Run, onError: () => void): StepReport {
  const { settings, learner, optimizer } = run;
  const begin = performance.now();
  const step = run.step + 1;
  const parameters = learner.model.parameters();
  // What lies between two steps belongs to none.
  opEnded(null);
  const { sums, norm } = unlessItFails(() => addGradients(run, step), onError);
  const scale = settings.clip === 0 ? 1 : clipScale(norm, settings.clip);
  const rate = learningRate(settings.schedule, step);
  optimizer.step(rate, scale / sums.targets);
  zeroGrad(parameters.values());
  opEnded('update');

  run.step = step;
  const { tokens } = sums;
  const milliseconds = performance.now() - begin;
  const { asked } = sums;
  return {
    ...{ step, loss: sums.loss / sums.targets, gradientNorm: norm, learningRate: rate, tokens, milliseconds },
    ...(sums.auxiliary !== null && { auxiliary: sums.auxiliary / sums.targets }),
    ...(asked > 0 && { dropped: sums.dropped / asked }),
  };
}

/** The gradients of a step, with its loss and counts. */
function addGradients(run: Run, step: number) {
  const { learner } = run;
  learner.model.redraw(step);
  // The loss, and so the gradients, are sums over targets; the mean is taken over the targets of all parts.
  const sums = { loss: 0, targets: 0, tokens: 0, auxiliary: null as number | null, dropped: 0, asked: 0 };
  forEachPart(run, step, (batch, context) => {
    const noteLoss = (_: number, loss: number) => {
      sums.auxiliary = (sums.auxiliary ?? 0) + batch.counted * loss;
    };
    const note = (_: number, { dropped, loads }: Routed) => {
      sums.dropped += dropped;
      sums.asked += loads.reduce((total, load) => total + load, dropped);
    };
    const loss = lossOf(learner, batch, { ...context, auxiliary: { scale: batch.counted, note, noteLoss } });
    if (!Number.isFinite(loss.item())) throw badLoss(loss, run, step);
    backward(loss);
    sums.loss += loss.item();
    sums.targets += batch.counted;
    for (const { tokens } of batch.sequences) sums.tokens += tokens.size;
  });
  const norm = gradientNorm(learner.model.parameters()) / sums.targets;
  opEnded('gradient norm');
  if (!Number.isFinite(norm)) throw badGradient(run, step);
  return { sums, norm };
}

function unlessItFails<T>(body: () => T, onError: () => void): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof NumericalError) throw error;
    try {
      onError();
    } catch {
      // This second failure matters less.
    }
    throw error;
  }
}

/** The parts of a step's batch, each in its own scope: the examples do not depend on the number of parts. */
function forEachPart(run: Run, step: number, body: (batch: Batch, context: ForwardContext) => void): void {
  const { task, settings } = run;
  const random = run.random.split(`step ${step}`);
  const examples = random.split('examples');
  for (let part = 0; part < settings.parts; part++) {
    scope(() => {
      const batch = drawBatch(task, 'training', examples, settings.batch / settings.parts);
      const auxiliary = { scale: batch.counted };
      opEnded('batch');
      body(batch, { training: true, random: random.split(`part ${part}`), auxiliary });
    });
  }
}

function badLoss(loss: Tensor, { learner }: Run, step: number): NumericalError {
  return new NumericalError(`loss: ${loss.item()} at step ${step}: ${originOf(loss, learner.model.tensors())}`);
}

/** Repeats the backward pass of the step to find the origin. */
function badGradient(run: Run, step: number): NumericalError {
  const { learner } = run;
  zeroGrad(learner.model.parameters().values());
  let origin: string | null = null;
  forEachPart(run, step, (batch, context) => {
    origin ??= originOfGradient(lossOf(learner, batch, context));
  });
  zeroGrad(learner.model.parameters().values());
  return new NumericalError(`gradient: not finite at step ${step}: ${origin ?? 'it overflows where parts add up'}`);
}
