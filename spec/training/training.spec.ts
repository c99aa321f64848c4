/** Whole steps of training: a tiny model learns its texts by heart, always with the same bits, and in flat memory. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { countCorrect, crossEntropy, slice } from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, packed, type Tensor } from '../../src/core/tensor.ts';
import { pairClassifier } from '../../src/training/classifier.ts';
import { generate } from '../../src/training/generate.ts';
import { type LanguageModel, type LanguageModelSettings, languageModel } from '../../src/training/language-model.ts';
import { evaluation, type Model } from '../../src/training/module.ts';
import { Adafactor } from '../../src/training/optimizers/adafactor.ts';
import { AdamW } from '../../src/training/optimizers/adamw.ts';
import type { Optimizer } from '../../src/training/optimizers/optimizer.ts';
import { clipScale, gradientNorm } from '../../src/training/optimizers/optimizer.ts';
import { learningRate, type Schedule } from '../../src/training/optimizers/schedules.ts';
import { drawTokens } from './modules.ts';

/** One step as a trainer takes it, for a loss given the stream of the step. */
function takeStep(
  model: Model,
  optimizer: Optimizer,
  step: number,
  rate: number,
  loss: (random: Random) => Tensor,
): number {
  model.redraw(step);
  const value = scope(() => {
    const result = loss(new Random(99).split(`step ${step}`));
    backward(result);
    return result.item();
  });
  const parameters = model.parameters();
  optimizer.step(rate, clipScale(gradientNorm(parameters), 1));
  zeroGrad(parameters.values());
  return value;
}

/** Texts of which each token but the last is read, and each but the first foretold. */
function textsOf(batch: number, length: number, vocabulary: number, seed: number) {
  const texts = drawTokens(batch, length + 1, vocabulary, seed);
  return { texts, inputs: packed(slice(texts, 1, 0, length)), targets: packed(slice(texts, 1, 1, length + 1)) };
}

const nextToken = (model: LanguageModel, inputs: Tensor, targets: Tensor) => (random: Random) =>
  crossEntropy(model.forward(inputs, { training: true, random }), targets);

test('a tiny model learns eight random texts by heart, to below 0.05 nats a token, and says them', () => {
  // What the first token does not tell the model has to guess: random texts that begin differently.
  const { texts, inputs, targets } = textsOf(8, 16, 12, 1);
  for (let b = 0; b < 8; b++) texts.array.data[b * 17] = inputs.array.data[b * 16] = b;
  const model = languageModel({ vocabulary: 12, length: 16, causal: true, modelDim: 32, heads: 4, dropout: 0 }, 7);
  const optimizer = new AdamW(model.parameters());
  const schedule: Schedule = { kind: 'cosine', peak: 5e-3, warmup: 10, total: 300 };
  let loss = Number.POSITIVE_INFINITY;
  let step = 0;
  while (loss >= 0.05 && step < 300) {
    step++;
    loss = takeStep(model, optimizer, step, learningRate(schedule, step), nextToken(model, inputs, targets));
  }
  assert.ok(loss < 0.05, `${loss} nats after ${step} steps`);
  scope(() => {
    const { correct, count } = countCorrect(model.forward(inputs, evaluation), targets);
    assert.is(correct, count);
  });
  const spoken = generate(
    model,
    Array.from({ length: 8 }, (_, b) => [b]),
    16,
    new Random(1),
    { temperature: 0 },
  );
  assert.equal(
    spoken.flatMap((text, b) => [b, ...text]),
    Array.from(texts.toArray()),
  );
});

test('a pair classifier learns which pairs belong together', () => {
  const [first, second] = [drawTokens(8, 6, 20, 1), drawTokens(8, 6, 20, 2)];
  const classes = fromArray([0, 1, 1, 0, 1, 0, 0, 1], [8], 'int32');
  const model = pairClassifier(
    { vocabulary: 20, length: 6, classes: 2, modelDim: 16, heads: 2, layers: 1, dropout: 0 },
    3,
  );
  const optimizer = new Adafactor(model.parameters());
  let loss = Number.POSITIVE_INFINITY;
  for (let step = 1; step <= 150 && loss > 0.05; step++) {
    loss = takeStep(model, optimizer, step, 0.05, (random) => {
      return crossEntropy(model.forward([first, second], { training: true, random }), classes);
    });
  }
  assert.ok(loss <= 0.05, `${loss} nats`);
});

const models: Record<string, Partial<LanguageModelSettings>> = {
  'full attention': {},
  'reversible Reformer, axial positions': {
    residual: 'reversible',
    positions: 'axial',
    feedForwardChunk: 20,
    attention: { variant: 'reformer', options: { chunkLength: 8, numHashes: 2 } },
  },
  'Performer, rotary positions': {
    positions: 'rotary',
    attention: { variant: 'performer', options: { numRandomFeatures: 32 }, redrawEvery: 2 },
  },
};

for (const [name, settings] of Object.entries(models)) {
  test(`${name}: three steps give the same bits on 1 and 3 threads, and another seed of dropout others`, async () => {
    const outer = threadCount();
    const { inputs, targets } = textsOf(4, 64, 50, 3);
    const bits = (dropoutSeed = 99) => {
      const model = languageModel({ vocabulary: 50, length: 64, causal: true, modelDim: 64, ...settings }, 5);
      const optimizer = new AdamW(model.parameters());
      for (let step = 1; step <= 3; step++) {
        takeStep(model, optimizer, step, 1e-3, () => {
          const random = new Random(dropoutSeed).split(`step ${step}`);
          return nextToken(model, inputs, targets)(random);
        });
      }
      return [...model.tensors(), ...optimizer.state()].map(([key, tensor]): [string, Buffer] => {
        return [key, Buffer.from(tensor.toArray().buffer)];
      });
    };
    try {
      setThreads(1);
      const alone = bits();
      const other = bits(98);
      setThreads(3);
      await poolReady();
      const together = bits();
      const differing = together.filter(([, bytes], n) => !bytes.equals(alone[n][1])).map(([key]) => key);
      assert.equal(differing, []);
      assert.ok(other.some(([, bytes], n) => !bytes.equals(alone[n][1])));
    } finally {
      setThreads(outer);
    }
  });

  test(`${name}: fifty steps leave memory as it was`, () => {
    const { inputs, targets } = textsOf(2, 24, 20, 4);
    const model = languageModel({ vocabulary: 20, length: 24, causal: true, modelDim: 16, ...settings }, 5);
    const optimizer = new AdamW(model.parameters());
    const step = (n: number) => takeStep(model, optimizer, n, 1e-3, nextToken(model, inputs, targets));
    step(1);
    const before = memoryStatistics().liveBytes;
    for (let n = 2; n <= 51; n++) {
      step(n);
      assert.is(memoryStatistics().liveBytes, before, `step ${n}`);
    }
  });
}

test('a run that is resumed from tensors, state and step goes on with the same bits', () => {
  const { inputs, targets } = textsOf(2, 16, 20, 5);
  const settings: LanguageModelSettings = {
    vocabulary: 20,
    length: 16,
    causal: true,
    modelDim: 16,
    attention: { variant: 'performer', options: { numRandomFeatures: 8 }, redrawEvery: 3 },
  };
  const start = () => {
    const model = languageModel(settings, 5);
    return { model, optimizer: new AdamW(model.parameters()) };
  };
  const copies = (tensors: Map<string, Tensor>) =>
    new Map(Array.from(tensors, ([key, each]) => [key, fromArray(each.toArray(), each.shape, each.dtype)]));
  const whole = start();
  const resumed = start();
  const go = ({ model, optimizer }: typeof whole, step: number) =>
    takeStep(model, optimizer, step, 1e-2, nextToken(model, inputs, targets));
  for (let step = 1; step <= 4; step++) go(whole, step);
  const checkpoint = { tensors: copies(whole.model.tensors()), state: copies(whole.optimizer.state()) };
  const losses = [5, 6, 7, 8].map((step) => go(whole, step));
  resumed.model.load(checkpoint.tensors);
  resumed.optimizer.load(checkpoint.state);
  assert.equal(
    [5, 6, 7, 8].map((step) => go(resumed, step)),
    losses,
  );
});

test.run();
