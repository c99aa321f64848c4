/** How well a model does on examples that it has never seen. A seed always gives the same ones. */

import { noGrad } from '../core/autograd.ts';
import { expectInteger, NumericalError } from '../core/errors.ts';
import { expectPlain } from '../core/expect.ts';
import { argMax, crossEntropy } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { elements } from '../core/tensor.ts';
import { expectLearner, expectTask, MOST_EXAMPLES } from './checks.ts';
import { expectSameClasses, type Learner } from './learner.ts';
import { evaluation } from './module.ts';
import { type Batch, drawBatch } from './tasks/batch.ts';
import type { Task } from './tasks/task.ts';

/** How well a model answers held-out examples. */
export interface Evaluation {
  /** Nats for each target that counts. */
  loss: number;
  /** The share of correct targets, or of sequences with all targets correct, depending on the task. */
  accuracy: number;
  examples: number;
}

/** The held-out examples that `evaluate` uses. */
export interface EvaluationSettings {
  examples: number;
  /** Examples per batch; it affects only the order of sums. */
  batch: number;
  seed: number;
}

/**
 * Calls `visit` with each batch of the held-out examples of these settings, always the same ones; what it makes has no tape, and
 * is released after it. Throws ArgumentError for arguments that do not fit.
 */
export function forHeldOut(
  learner: Learner,
  task: Task,
  settings: EvaluationSettings,
  visit: (drawn: Batch, size: number) => void,
): void {
  expectLearner('learner', learner);
  expectTask('task', task);
  expectSameClasses(learner.model.config, task);
  expectPlain('settings', settings);
  const { examples, batch, seed } = settings;
  expectInteger('examples', examples, 1, MOST_EXAMPLES);
  expectInteger('batch', batch, 1);
  const random = new Random(seed).split('held-out');
  for (let done = 0; done < examples; done += batch) {
    const size = Math.min(batch, examples - done);
    scope(() => noGrad(() => visit(drawBatch(task, 'held-out', random, size), size)));
  }
}

/**
 * Measures a model on held-out examples of a task. Keeps no tape, and does not change the model. Throws NumericalError if the
 * loss is not finite, because the model's numbers overflow.
 */
export function evaluate(learner: Learner, task: Task, settings: EvaluationSettings): Evaluation {
  const sums = { loss: 0, right: 0, count: 0 };
  forHeldOut(learner, task, settings, (drawn, size) => {
    const logits = learner.logits(drawn, evaluation);
    const right = rightOnes(elements(argMax(logits)), drawn, size);
    sums.loss += crossEntropy(logits, drawn.targets, { mask: drawn.counts, reduction: 'sum' }).item();
    sums.count += right.flat().length;
    sums.right += task.accuracy === 'sequence' ? count(right.map((own) => !own.includes(false))) : count(right.flat());
  });
  if (!Number.isFinite(sums.loss)) {
    throw new NumericalError(`loss: expected a finite number on held-out examples, got ${sums.loss}`);
  }
  // Where no target counts, both are 0.
  const targets = Math.max(1, sums.count);
  const of = task.accuracy === 'sequence' ? settings.examples : targets;
  return { loss: sums.loss / targets, accuracy: sums.right / of, examples: settings.examples };
}

/** For each example, whether all of its targets that count were predicted. */
function rightOnes(predicted: ArrayLike<number>, { targets, counts }: Batch, size: number): boolean[][] {
  const [classes, flags] = [targets, counts].map(elements);
  const columns = classes.length / size;
  return Array.from({ length: size }, (_, row) => {
    const own = Array.from({ length: columns }, (_, column) => row * columns + column).filter((at) => flags[at] === 1);
    return own.map((at) => predicted[at] === classes[at]);
  });
}

function count(flags: readonly boolean[]): number {
  return flags.filter((flag) => flag).length;
}
