/** Centroids of the Routing Transformer in a layer: training moves them once in a forward pass, and nothing else does. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { sum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import { reattended } from '../../src/training/reattend.ts';
import { reversible } from '../../src/training/reversible.ts';
import { endLearner, endRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import { routing } from '../../src/variants/routing.ts';
import { tinyRun } from './runs.ts';

const settings = { variant: 'routing', options: { numClusters: 3, window: 5, decay: 0.5, localHeads: 1 } };
const place = {
  modelDim: 8,
  heads: 2,
  headDim: 4,
  length: 12,
  causal: true,
  rotary: false,
  dtype: 'float64',
} as const;
const layerOf = () => new MultiHeadAttention(settings, place, new Random(5));
const centroids = ({ mixing }: MultiHeadAttention) => [...mixing.parameters.mu.toArray()];
const text = () => randomNormal([2, 12, 8], new Random(6), 'float64');

test('a forward pass of training moves them as the variant says, and one of evaluation leaves them', () => {
  scope(() => {
    const [layer, x] = [layerOf(), text()];
    const before = centroids(layer);
    layer.forward(x, { training: false });
    assert.equal(centroids(layer), before);
    const { mixing } = layer;
    const moved = noGrad(() => routing.moves!.mu.after(layer.inputs(x), mixing.options as never, mixing.parameters));
    layer.forward(x, { training: true });
    assert.equal(centroids(layer), [...moved.toArray()]);
    assert.not.equal(centroids(layer), before);
  });
});

test('they are not drawn anew, and no optimiser has them', () => {
  scope(() => {
    const layer = layerOf();
    const before = centroids(layer);
    layer.mixing.redraw(7);
    assert.equal(centroids(layer), before);
    assert.is(layer.mixing.parameters.mu.requiresGrad, false);
    assert.ok([...layer.tensors().keys()].includes('mu'));
  });
});

test('a branch that runs twice moves them once, and attends within the same clusters both times', () => {
  scope(() => {
    const [layer, once] = [layerOf(), layerOf()];
    const x = text().withGrad();
    const outputs: number[][] = [];
    const f = (input: Tensor, { once }: { once: (name: string, make: () => Tensor) => Tensor }) => {
      const output = layer.forward(input, { training: true, once });
      outputs.push([...output.toArray()]);
      return output;
    };
    const g = (input: Tensor) => input;
    const [y1] = reversible(x, x, [{ f, g, parameters: [...layer.tensors().values()] }]);
    once.forward(text(), { training: true });
    assert.equal(centroids(layer), centroids(once));
    // Its backward pass runs f again, after the centroids have moved.
    backward(sum(y1));
    assert.is(outputs.length, 2);
    assert.equal(centroids(layer), centroids(once));
    for (const other of outputs.slice(1)) {
      for (const [n, each] of other.entries()) assert.ok(Math.abs(each - outputs[0][n]) < 1e-12);
    }
  });
});

test('a trained model under other options keeps them, where their shape stays', async () => {
  const run = tinyRun({ model: { attention: { variant: 'routing', options: { numClusters: 3, decay: 0.5 } } } });
  const own = ({ model }: typeof run.learner) => model.body.layers[0].attention.mixing.parameters.mu;
  const drawn = [...own(run.learner).toArray()];
  await train(run, {});
  assert.not.equal([...own(run.learner).toArray()], drawn);
  const wider = reattended(run, { routing: { window: 12 } });
  assert.equal([...own(wider).toArray()], [...own(run.learner).toArray()]);
  const more = reattended(run, { routing: { numClusters: 4 } });
  assert.is(own(more).shape[1], 4);
  for (const each of [wider, more]) endLearner(each);
  endRun(run);
});

test.run();
