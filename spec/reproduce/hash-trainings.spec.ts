/** Trainings of Reformer's table 2: other lengths change what must change alone, and evaluations leave the model as it is. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { elements } from '../../src/core/tensor.ts';
import { units } from '../../src/reproduce/hash-lengths.ts';
import { ITSELF, TRAINED, type Trained, trainingOf, withHashes } from '../../src/reproduce/hash-trainings.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { endRun, startRun } from '../../src/training/run.ts';

const ROWS = Object.keys(TRAINED) as Trained[];

test('at the length of the recipe a training is that of table 2, to the order of its settings', () => {
  for (const trained of ROWS) {
    const [own, given] = [{}, { length: 128 }].map((more) => trainingOf(trained, { seed: 1, steps: 9, ...more }));
    assert.is(JSON.stringify(given), JSON.stringify(own));
  }
});

test('another length changes the task, and the one chunk of full attention', () => {
  for (const trained of ROWS) {
    const [own, other] = [128, 64].map((length) => trainingOf(trained, { seed: 1, steps: 9, length }));
    assert.is(other.task.length, 64);
    const [before, after] = [own, other].map(
      ({ model }) => (model.attention as { options: Record<string, unknown> }).options,
    );
    const isFull = trained === 'no-hashing' || trained === ITSELF;
    assert.equal(after, { ...before, chunkLength: isFull ? 64 : 32 });
    const { positions } = own.model;
    assert.equal({ ...other.model, attention: null }, { ...own.model, attention: null, positions });
  }
});

test('a length is trained for as many steps as 128 tokens, or in proportion beyond', () => {
  const all = units({ full: [64, 128, 256], hashed: [128], steps: 1500, seeds: [1], examples: 8 });
  const steps = all.map(({ training }) => [training?.task.length, training?.steps, training?.schedule]);
  for (const [length, own, schedule] of steps) {
    assert.is(own, length === 256 ? 3000 : 1500);
    assert.is((schedule as { total: number }).total, own);
  }
  assert.is(steps.length, 4);
});

test('evaluated as it was trained, a model answers as itself; with other hashes and chunks, otherwise; it stays as it is', () => {
  const run = startRun({ ...trainingOf('4-hashes', { seed: 1, steps: 50, length: 64 }), evaluationExamples: 2 });
  const loss = (learner = run.learner) => evaluate(learner, run.task, { examples: 2, batch: 2, seed: 1 }).loss;
  const before = [...run.learner.model.parameters().values()].map((each) => elements(each).slice());
  const own = loss();
  assert.is(withHashes(run, 4, loss), own);
  const others = [withHashes(run, 1, loss), withHashes(run, 1, loss, 16)];
  assert.is(new Set([own, ...others]).size, 3, `${own}, ${others}`);
  // Four rounds let nearly all pairs of two chunks meet.
  assert.ok(Math.abs(withHashes(run, 'all', loss) - own) < Math.abs(others[0] - own));
  assert.is(loss(), own);
  const after = [...run.learner.model.parameters().values()].map((each) => elements(each).slice());
  assert.equal(after, before);
  endRun(run);
});

test.run();
