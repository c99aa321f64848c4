/** A trained model under other options: what is learned stays, what is drawn fits the options. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { elements } from '../../src/core/tensor.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { reattended } from '../../src/training/reattend.ts';
import { hashing } from '../../src/training/recipes/hashes.ts';
import { recipeSettings } from '../../src/training/recipes/recipe.ts';
import { endLearner, endRun, type Run, startRun } from '../../src/training/run.ts';

function tiny(variant: string, options: Record<string, unknown>, task = 'duplication'): Run {
  const settings = recipeSettings({
    task: { name: task, length: 16 },
    model: { layers: 2, modelDim: 16, heads: 2 },
    steps: 1,
    schedule: { kind: 'constant', rate: 1e-3 },
  });
  return startRun({ ...settings, model: { ...settings.model, attention: { variant, options } } });
}

const look = { examples: 4, batch: 4, seed: 3 };

test('the same options give the same answers, from tensors of its own', () => {
  const run = tiny('reformer', { chunkLength: 4 });
  const other = reattended(run, {});
  assert.equal(evaluate(other, run.task, look), evaluate(run.learner, run.task, look));
  const [own] = run.learner.model.parameters().values();
  elements(own).fill(0);
  assert.ok(elements([...other.model.parameters().values()][0]).some((value) => value !== 0));
  endLearner(other);
  endRun(run);
});

test('more hashes draw more rotations, and change the answers but not what is learned', () => {
  const run = tiny('reformer', { chunkLength: 4, numHashes: 1 });
  const other = reattended(run, { reformer: { numHashes: 3 } });
  const rotations = [...other.model.tensors()].filter(([name]) => name.endsWith('.R1'));
  assert.equal(
    rotations.map(([, { shape }]) => shape[1]),
    [3, 3],
  );
  assert.not.equal(evaluate(other, run.task, look).loss, evaluate(run.learner, run.task, look).loss);
  for (const [name, tensor] of run.learner.model.parameters()) {
    assert.equal(other.model.parameters().get(name)?.toArray(), tensor.toArray(), name);
  }
  endLearner(other);
  endRun(run);
});

test('without hashing every token meets all before it: the seed of the rotations does not matter', () => {
  const run = tiny('reformer', { chunkLength: 4 });
  const losses = [1, 2].map((seed) => {
    const other = reattended(run, { reformer: { ...hashing('all'), chunkLength: 16 } }, seed);
    const { loss } = evaluate(other, run.task, look);
    endLearner(other);
    return loss;
  });
  assert.is(losses[0], losses[1]);
  endRun(run);
});

test('options of another variant, and those that change what is learned, are refused', () => {
  const run = tiny('linformer', { projectedLength: 4, projection: 'learned' }, 'listops');
  assert.throws(
    () => reattended(run, { reformer: { numHashes: 2 } }),
    (error: Error) => error instanceof ArgumentError && /^options: expected those of linformer/.test(error.message),
  );
  assert.throws(
    () => reattended(run, { linformer: { projectedLength: 8 } }),
    (error: Error) => error instanceof ShapeError,
  );
  endRun(run);
});

test.run();
