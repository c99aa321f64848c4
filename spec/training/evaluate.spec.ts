/** Evaluation, of a made-up learner whose answers are known. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NumericalError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { type EvaluationSettings, evaluate } from '../../src/training/evaluate.ts';
import type { Learner } from '../../src/training/learner.ts';
import { countedTargets } from '../../src/training/tasks/baseline.ts';
import { openTask } from '../../src/training/tasks/registry.ts';
import type { Task } from '../../src/training/tasks/task.ts';
import { tinyRun } from './runs.ts';

/** Answers with `answer(token)` of each token, or of the first of an example, with a logit of 5 and all else 0. */
function madeUp(task: Task, answer: (token: number) => number): Learner {
  const classifies = task.kind.endsWith('classification');
  return {
    ...tinyRun().learner,
    kind: task.kind,
    logits({ sequences: [{ tokens }] }): Tensor {
      const [batch, length] = tokens.shape;
      const read = Array.from(elements(tokens)).filter((_, at) => !classifies || at % length === 0);
      const logits = read.flatMap((token) =>
        Array.from({ length: task.classes }, (_, each) => (each === answer(token) ? 5 : 0)),
      );
      return fromArray(logits, classifies ? [batch, task.classes] : [batch, length, task.classes]);
    },
  };
}

test('loss and accuracy are those of the held-out examples, each counted once, in batches of any size', () => {
  const cases = fc.record({
    name: fc.constantFrom('copy', 'duplication', 'listops', 'associative-recall'),
    examples: fc.integer({ min: 1, max: 40 }),
    batch: fc.integer({ min: 1, max: 50 }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(cases, ({ name, ...settings }) => {
      const task = openTask(name, { length: 12 });
      const answer = (token: number) => (token * 7 + 3) % task.classes;
      const { loss, accuracy, examples } = evaluate(madeUp(task, answer), task, settings);
      const expected = byHand(task, answer, settings);
      assert.is(examples, settings.examples);
      assert.is(accuracy, expected.accuracy);
      // Float32 sums of a few hundred terms.
      assert.ok(Math.abs(loss - expected.loss) < 1e-4, `${loss}, ${expected.loss}`);
    }),
    { numRuns: 60 },
  );
});

function byHand(task: Task, answer: (token: number) => number, { examples, seed }: EvaluationSettings) {
  const random = new Random(seed).split('held-out');
  const normaliser = Math.log(Math.exp(5) + task.classes - 1);
  let [loss, targets, right, whole] = [0, 0, 0, 0];
  for (let n = 0; n < examples; n++) {
    const example = task.draw('held-out', random);
    const wanted = countedTargets(example);
    const read = Array.from(example.tokens).filter((_, at) => (example.counts ? example.counts[at] === 1 : at === 0));
    const correct = wanted.map((target, at) => answer(read[at]) === target);
    targets += wanted.length;
    for (const each of correct) loss += normaliser - (each ? 5 : 0);
    right += correct.filter((each) => each).length;
    whole += Number(correct.every((each) => each));
  }
  return { loss: loss / targets, accuracy: task.accuracy === 'sequence' ? whole / examples : right / targets };
}

test('a learner that knows the answer is right in everything', () => {
  // In duplication of one symbol, w is known.
  const task = { ...openTask('duplication', { length: 8, symbols: 2 }), draw: () => ONES };
  const { accuracy } = evaluate(
    madeUp(task, () => 1),
    task,
    { examples: 5, batch: 2, seed: 0 },
  );
  assert.is(accuracy, 1);
});

const ONES = { tokens: [0, 1, 1, 1, 0, 1, 1, 1], targets: [1, 1, 1, 0, 1, 1, 1, 0], counts: [0, 0, 0, 0, 1, 1, 1, 0] };

test('a loss that is not finite is an error, and one of no targets is 0', () => {
  const task = openTask('copy', { length: 12 });
  const learner = madeUp(task, () => 0);
  const settings = { examples: 4, batch: 2, seed: 1 };
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const overflowing: Learner = {
      ...learner,
      logits: (batch, context) =>
        fromArray(
          elements(learner.logits(batch, context)).map(() => value),
          [2, 12, task.classes],
        ),
    };
    assert.throws(
      () => evaluate(overflowing, task, settings),
      (error: Error) => error instanceof NumericalError && error.message.startsWith('loss: expected a finite number'),
    );
  }
  const silent: Task = {
    ...task,
    accuracy: 'target',
    draw: (part, random) => ({ ...task.draw(part, random), counts: new Uint8Array(12) }),
  };
  assert.equal(evaluate(learner, silent, settings), { loss: 0, accuracy: 0, examples: 4 });
});

test.run();
