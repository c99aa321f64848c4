/** Models that are loaded for use: no tape, nothing left of a loop over texts, and how they are trained further. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { collectForgotten, memoryStatistics } from '../../src/core/memory.ts';
import { mean, square } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, type Tensor } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { embedSentences } from '../../src/pretrained/sentences.ts';
import { AdamW } from '../../src/training/optimizers/adamw.ts';
import { SGD } from '../../src/training/optimizers/sgd.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkpoint, checkpointsOf } from './checkpoints.ts';

const MODELS = checkpointsOf('bert', 'big-bird', 'longformer', 'nystromformer', 'reformer', 'roberta');
const liveBytes = () => memoryStatistics().liveBytes;
const turn = () => new Promise((resolve) => setImmediate(resolve));

function inputsOf(name: string) {
  const length = name.startsWith('big-bird') ? 37 : 12;
  const random = new Random(3);
  const tokens = Array.from({ length: 2 * length }, () => 4 + random.integer(30));
  const mask = Array.from({ length: 2 * length }, (_, n) => Number(n < length || n % length < length - 3));
  return { tokens: fromArray(tokens, [2, length], 'int32'), keyMask: fromArray(mask, [2, length], 'uint8') };
}

const bytesOf = (tensors: readonly Tensor[]) => {
  return [...new Set(tensors.map(({ block }) => block))].reduce((sum, { bytes }) => sum + bytes, 0);
};

for (const name of MODELS) {
  test(`${name}: a forward pass leaves what it returns, and no tape`, () => {
    const model = loadPretrained(checkpoint(name));
    const inputs = inputsOf(name);
    // The first pass may fill a cache that stays.
    scope(() => void model.forward(inputs));
    const before = liveBytes();
    const { hiddenStates, pooled, logits } = model.forward(inputs);
    const returned = [...hiddenStates, ...(pooled ? [pooled] : []), ...(logits ? [logits] : [])];
    assert.is(liveBytes() - before, bytesOf(returned));
    assert.ok(returned.every(({ node, requiresGrad }) => node === null && !requiresGrad));
    const vectors = embedSentences(model, inputs);
    assert.is(liveBytes() - before, bytesOf([...returned, vectors]));
  });
}

test('no variant in place of the own attention keeps a tape either', () => {
  // The model reads in both directions.
  for (const { name, supports } of allVariants().filter(({ supports }) => supports.bidirectional !== false)) {
    const model = loadPretrained(checkpoint('bert-model'), { attention: { variant: name }, length: 12 });
    const { tokens, keyMask } = inputsOf('bert-model');
    const { hiddenStates } = model.forward({ tokens, ...(supports.padding && { keyMask }) });
    assert.ok(
      hiddenStates.every(({ node }) => node === null),
      name,
    );
  }
});

test('a thousand texts, each with a turn of the event loop, and none in a scope', async () => {
  const model = loadPretrained(checkpoint('bert-model'));
  const inputs = inputsOf('bert-model');
  const vector = embedSentences(model, inputs).toArray();
  collectForgotten();
  const before = liveBytes();
  let most = 0;
  for (let n = 0; n < 1000; n++) {
    assert.equal(embedSentences(model, inputs).toArray(), vector);
    most = Math.max(most, liveBytes() - before);
    await turn();
  }
  // Two vectors a call, should not one be collected.
  assert.ok(most <= 1000 * 2 * 16 * 4, `${most} bytes`);
});

const lossOf = (model: ReturnType<typeof loadPretrained>) =>
  mean(square(embedSentences(model, inputsOf('bert-model'))));

test('trainable: gradients of all that is learned; for use: the same names, and backward says what to do', () => {
  const [trainable, forUse] = [true, false].map((each) =>
    loadPretrained(checkpoint('bert-model'), { trainable: each }),
  );
  assert.equal([...forUse.parameters().keys()], [...trainable.parameters().keys()]);
  assert.ok(forUse.parameters().size > 0);
  assert.ok([...trainable.parameters().values()].every(({ requiresGrad }) => requiresGrad));
  assert.not([...forUse.tensors().values()].some(({ requiresGrad }) => requiresGrad));
  expectThrows(ArgumentError, 'backward', () => scope(() => backward(lossOf(forUse))));

  const gradients = (model: typeof forUse) => {
    scope(() => backward(mean(model.forward(inputsOf('bert-model')).hiddenStates[1])));
    const found = new Map([...model.parameters()].map(([name, { grad }]) => [name, grad?.toArray()]));
    zeroGrad(model.parameters().values());
    return found;
  };
  const expected = gradients(trainable);
  for (const parameter of forUse.parameters().values()) parameter.withGrad();
  assert.equal(gradients(forUse), expected);
});

test('an optimiser asks for the gradients of a model for use, and leaves a frozen part alone', () => {
  for (const Optimizer of [AdamW, SGD]) {
    const model = loadPretrained(checkpoint('bert-model'));
    const optimizer = new Optimizer(model.parameters());
    const before = new Map([...model.parameters()].map(([name, tensor]) => [name, tensor.toArray()]));
    scope(() => backward(mean(model.forward(inputsOf('bert-model')).hiddenStates[2])));
    optimizer.step(0.1);
    zeroGrad(model.parameters().values());
    const moved = [...model.parameters()].filter(([name, tensor]) => {
      return (
        Buffer.compare(Buffer.from(tensor.toArray().buffer), Buffer.from(before.get(name)?.buffer as ArrayBuffer)) !== 0
      );
    });
    assert.ok(moved.length > 10, `${moved.length} parameters moved`);
  }
  const frozen = loadPretrained(checkpoint('bert-model'), { trainable: true });
  for (const [name, tensor] of frozen.parameters()) tensor.requiresGrad = name.startsWith('layers.1');
  const left = [...frozen.parameters().keys()];
  assert.ok(left.length > 0 && left.every((name) => name.startsWith('layers.1')));
  new AdamW(frozen.tensors());
  assert.equal([...frozen.parameters().keys()], left);
});

test('a variant in place of the own attention learns from its own loss, also in reversible layers', () => {
  const options = { compression: 'convolution', segmentLength: 4, memoryLength: 4, ratio: 2, compressedLength: 2 };
  for (const name of ['bert-model', 'reformer-model']) {
    const attention = { variant: 'compressive', options };
    const model = loadPretrained(checkpoint(name), { attention, length: 12, trainable: true });
    const noted: number[] = [];
    const auxiliary = { scale: 1, noteLoss: (layer: number) => void noted.push(layer) };
    scope(() => {
      const context = { training: true, random: new Random(1), auxiliary };
      const { hiddenStates } = model.forward(inputsOf(name), { context });
      backward(mean(hiddenStates[hiddenStates.length - 1]));
    });
    assert.equal(noted, [0, 1]);
    const kernels = [...model.parameters()].filter(([key]) => /\.W_[KV]$/.test(key));
    assert.is(kernels.length, 4);
    for (const [key, { grad }] of kernels)
      assert.ok(
        grad?.toArray().some((each) => each !== 0),
        `${name} ${key}`,
      );
  }
});

test('a frozen variant is not drawn anew where it is learned', () => {
  const attention = { variant: 'transformer-xl' };
  const model = loadPretrained(checkpoint('bert-model'), { attention, length: 12 });
  const before = [...model.parameters().values()].map((tensor) => tensor.toArray());
  for (let step = 1; step < 4; step++) model.redraw(step);
  assert.equal(
    [...model.parameters().values()].map((tensor) => tensor.toArray()),
    before,
  );
  const performer = loadPretrained(checkpoint('bert-model'), { attention: { variant: 'performer' } });
  const omega = performer.tensors().get('layers.0.attention.replacement.omega') as Tensor;
  const drawn = omega.toArray();
  performer.redraw(1);
  assert.not.equal(omega.toArray(), drawn);
});

test.run();
