/** The baseline that a model has to beat: the most frequent answer, and the frequencies of all answers. */

import { expectInteger } from '../../core/errors.ts';
import { expectRandom, Random } from '../../core/random.ts';
import { expectTask, MOST_EXAMPLES } from '../checks.ts';
import { drawExample } from './batch.ts';
import type { Example, Part, Task } from './task.ts';

/** Seed of the examples for a task's baseline. */
const SEED = 0;

/** The score of a model that does not read its input. */
export interface Baseline {
  /** The accuracy on held-out examples, in the task's unit, of always giving the most frequent answer. */
  accuracy: number;
  /** The loss in nats for each target that counts, of predicting answers with their frequencies in training. */
  loss: number;
}

/**
 * The baseline that runs of a task are compared with: always from the same seed, so that a task has one number to beat.
 * Throws as `majorityBaseline` does.
 */
export function taskBaseline(task: Task): Baseline {
  return majorityBaseline(task, new Random(SEED));
}

/**
 * The score of always giving the most frequent answer, measured on `examples` training examples and as many held-out ones.
 */
export function majorityBaseline(task: Task, random: Random, examples = 1000): Baseline {
  expectTask('task', task);
  expectRandom('random', random);
  expectInteger('examples', examples, 1, MOST_EXAMPLES);
  const draw = (part: Part) => {
    const stream = random.split(`baseline ${part}`);
    return Array.from({ length: examples }, () => countedTargets(drawExample(task, part, stream)));
  };
  const frequency = new Array<number>(task.classes).fill(0);
  for (const target of draw('training').flat()) frequency[target]++;
  const answer = frequency.indexOf(Math.max(...frequency));

  const heldOut = draw('held-out');
  const targets = heldOut.flat();
  const right = targets.filter((target) => target === answer).length;
  const allRight = heldOut.filter((own) => own.every((target) => target === answer)).length;
  // Each answer counts once more than it was seen (Laplace), so that none is impossible.
  const total = frequency.reduce((sum, count) => sum + count + 1, 0);
  const loss = targets.reduce((sum, target) => sum - Math.log((frequency[target] + 1) / total), 0) / targets.length;
  return { accuracy: task.accuracy === 'sequence' ? allRight / examples : right / targets.length, loss };
}

export function countedTargets({ targets, counts }: Example): number[] {
  return Array.from(targets).filter((_, at) => counts === undefined || counts[at] === 1);
}
