/** Models that predict tokens and classes: heads, names, loading, generation. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, NumericalError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { crossEntropy } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { type ClassifierSettings, classifier, pairClassifier } from '../../src/training/classifier.ts';
import { generate } from '../../src/training/generate.ts';
import { type LanguageModel, type LanguageModelSettings, languageModel } from '../../src/training/language-model.ts';
import { evaluation, type Model } from '../../src/training/module.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { assertClose, at, forAll, loop } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkParameters, drawTokens, maskOf, stepOf, stir } from './modules.ts';

const SMALL = {
  vocabulary: 7,
  length: 10,
  layers: 2,
  modelDim: 6,
  heads: 2,
  headDim: 4,
  feedForwardDim: 8,
  dropout: 0.2,
  dtype: 'float64',
} as const;

const decoder = (settings: Partial<LanguageModelSettings> = {}, seed = 1): LanguageModel => {
  const model = languageModel({ ...SMALL, causal: true, ...settings }, seed);
  stir(model.tensors(), seed);
  return model;
};

const pooled = (settings: Partial<ClassifierSettings> = {}): ClassifierSettings => ({
  ...SMALL,
  classes: 3,
  ...settings,
});

test('gradients of every model through its loss, with dropout of a fixed seed', () => {
  const tokens = drawTokens(2, 9, 7, 1);
  const others = drawTokens(2, 5, 7, 2);
  const targets = drawTokens(2, 9, 7, 3);
  const classes = fromArray([2, 0], [2], 'int32');
  const mask = maskOf([9, 4], 9);
  for (const tied of [true, false]) {
    const model = decoder({ tied });
    checkParameters(() => crossEntropy(model.forward(tokens, stepOf(1)), targets, { mask }), model.tensors());
  }
  for (const pooling of ['mean', 'first', 'attention'] as const) {
    const one = classifier(pooled({ pooling }), 1);
    checkParameters(() => crossEntropy(one.forward(tokens, stepOf(2), mask), classes), one.tensors());
    const two = pairClassifier(pooled({ pooling }), 2);
    const loss = () => crossEntropy(two.forward([tokens, others], stepOf(3), [mask]), classes);
    checkParameters(loss, two.tensors());
  }
});

test('tied logits are products with the rows of the embedding', () => {
  const model = decoder();
  const tokens = drawTokens(2, 6, 7, 1);
  const y = model.body.forward(tokens, evaluation);
  const expected = loop([2, 6, 7], ([b, i, token]) => {
    let dot = 0;
    for (let c = 0; c < 6; c++) dot += at(y, [b, i, c]) * at(model.body.embedding.weight, [token, c]);
    return dot;
  });
  assertClose(model.forward(tokens, evaluation), expected, 1e-13, 'logits', 1);
});

test('an untrained model knows nothing: its loss is near that of a guess', () => {
  // Tied to the input, the output prefers the token that was read.
  const model = languageModel({ vocabulary: 64, length: 32, causal: true, modelDim: 64, tied: false }, 1);
  const [tokens, targets] = [1, 2].map((seed) => drawTokens(16, 32, 64, seed));
  const loss = scope(() => crossEntropy(model.forward(tokens, evaluation), targets).item());
  // Logits of variance 1 cost half a nat on top.
  assert.ok(Math.abs(loss - Math.log(64) - 0.5) < 0.25, `loss ${loss}, ln 64 is ${Math.log(64)}`);
});

test('the mean is over real tokens; the first token is the first', () => {
  const tokens = drawTokens(2, 10, 7, 4);
  const mask = maskOf([10, 3], 10);
  const mean = classifier(pooled(), 1);
  const y = mean.body.forward(tokens, evaluation, mask);
  const meanOf = (b: number, count: number, c: number) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += at(y, [b, i, c]);
    return sum / count;
  };
  const expected = loop([2, 6], ([b, c]) => meanOf(b, b === 0 ? 10 : 3, c));
  assertClose(mean.encode(tokens, evaluation, mask), expected, 1e-13, 'mean', 1);
  const first = classifier(pooled({ pooling: 'first' }), 1);
  const rows = first.body.forward(tokens, evaluation, mask);
  assertClose(
    first.encode(tokens, evaluation, mask),
    loop([2, 6], ([b, c]) => at(rows, [b, 0, c])),
    0,
  );
});

test('padding, and what stands there, makes no difference to a class', () => {
  const mask = maskOf([10, 4], 10);
  const [tokens, others] = [drawTokens(2, 10, 7, 5), drawTokens(2, 10, 7, 6)];
  for (let i = 4; i < 10; i++) elements(others)[10 + i] = 0;
  for (let i = 0; i < 14; i++) elements(others)[i] = elements(tokens)[i];
  const one = classifier(pooled(), 1);
  const logits = (each: Tensor) => one.forward(each, evaluation, mask).toArray();
  assert.equal(logits(others), logits(tokens));
  const two = pairClassifier(pooled(), 1);
  const pair = (each: Tensor) => two.forward([each, tokens], evaluation, [mask, mask]).toArray();
  assert.equal(pair(others), pair(tokens));
});

test('both texts of a pair are read by one encoder, apart from each other', () => {
  const model = pairClassifier(pooled(), 1);
  const [first, second] = [drawTokens(2, 8, 7, 1), drawTokens(2, 5, 7, 2)];
  const [p, q] = [first, second].map((each) => model.encode(each, evaluation));
  const { hidden, output } = model.classifier;
  const expected = loop([2, 3], ([b, c]) => {
    let logit = at(output.bias as Tensor, [c]);
    for (let n = 0; n < 6; n++) {
      let sum = at(hidden.bias as Tensor, [n]);
      for (let k = 0; k < 6; k++) {
        const [x, y] = [at(p, [b, k]), at(q, [b, k])];
        [x, y, x * y, x - y].forEach((each, part) => {
          sum += each * at(hidden.weight, [6 * part + k, n]);
        });
      }
      logit += Math.max(0, sum) * at(output.weight, [n, c]);
    }
    return logit;
  });
  assertClose(model.forward([first, second], evaluation), expected, 1e-12, 'logits', 1);
});

test('dropout drops other entries of the first text than of the second', () => {
  const model = pairClassifier(pooled({ dropout: 0.5 }), 1);
  const { hidden, output } = model.classifier;
  // Only p − q is read on.
  elements(hidden.weight).fill(0, 0, 18 * 6);
  const tokens = drawTokens(1, 8, 7, 1);
  const bias = elements(output.bias as Tensor);
  bias.set([1, 2, 3]);
  const logits = (training: boolean) => model.forward([tokens, tokens], stepOf(1, training)).toArray();
  assert.equal(logits(false), Float64Array.of(1, 2, 3));
  assert.not.equal(logits(true), Float64Array.of(1, 2, 3));
});

test('names of whole models are unique, and stay what they are', () => {
  const namesOf = (model: Model) => {
    const names = [...model.parameters().keys()];
    assert.is(new Set(names).size, names.length);
    // The layers are spelled out in transformer.spec.ts.
    return names.filter((name) => !name.includes('.layers.'));
  };
  const body = (name: string) =>
    ['embedding.weight', 'positions.weight', 'norm.gain', 'norm.bias'].map((each) => `${name}.${each}`);
  const head = ['hidden.weight', 'hidden.bias', 'output.weight', 'output.bias'].map((each) => `classifier.${each}`);
  assert.equal(namesOf(decoder()), body('decoder'));
  assert.equal(namesOf(decoder({ causal: false })), body('encoder'));
  assert.equal(namesOf(decoder({ tied: false })), [...body('decoder'), 'output.weight', 'output.bias']);
  assert.equal(namesOf(classifier(pooled(), 1)), [...body('encoder'), ...head]);
  assert.equal(namesOf(pairClassifier(pooled(), 1)), [...body('encoder'), ...head]);
  assert.ok(decoder().parameters().has('decoder.layers.0.attention.query.weight'));
});

test('random tensors are for the checkpoint, not for the optimiser', () => {
  const model = decoder({ attention: { variant: 'performer', options: { numRandomFeatures: 4 } } });
  const name = 'decoder.layers.1.attention.omega';
  assert.ok(model.tensors().has(name) && !model.parameters().has(name));
  const before = model.tensors().get(name)?.toArray();
  model.redraw(1);
  assert.not.equal(model.tensors().get(name)?.toArray(), before);
});

test('a model that loads the tensors of another is the other', () => {
  const settings = { attention: { variant: 'performer', options: { numRandomFeatures: 4 } } };
  const [one, other] = [decoder(settings, 1), decoder(settings, 2)];
  const tokens = drawTokens(1, 10, 7, 1);
  const bits = (model: LanguageModel) => model.forward(tokens, evaluation).toArray();
  assert.not.equal(bits(other), bits(one));
  other.load(one.tensors());
  assert.equal(bits(other), bits(one));
  expectThrows(ArgumentError, 'tensors', () => other.load(one.parameters()));
  expectThrows(ArgumentError, 'tensors', () => other.load(classifier(pooled(), 1).tensors()));
  expectThrows(ShapeError, 'tensors', () => other.load(decoder({ ...settings, vocabulary: 8 }).tensors()));
});

test('the same seed makes the same model, and its memory is that of its tensors', () => {
  const before = memoryStatistics().liveBytes;
  const model = languageModel({ vocabulary: 9, length: 16 }, 5);
  const own = [...model.tensors().values()].reduce((bytes, { block }) => bytes + block.bytes, 0);
  assert.is(memoryStatistics().liveBytes - before, own);
  const bits = (seed: number) =>
    Array.from(languageModel({ vocabulary: 9, length: 16 }, seed).tensors().values(), (each) => each.toArray());
  assert.equal(bits(5), bits(5));
  assert.not.equal(bits(5), bits(6));
});

const generating: Record<string, Partial<LanguageModelSettings>> = {
  'learned positions': {},
  'sinusoids, post-norm': { positions: 'sinusoidal', norm: 'post' },
  'axial, reversible': { positions: 'axial', residual: 'reversible' },
  'rotary, chunked feed-forward, untied': { positions: 'rotary', feedForwardChunk: 2, tied: false },
  ...Object.fromEntries(
    allVariants()
      // Where tokens are grouped anew, a step is the last row of a run of its own; see attention.spec.ts.
      .filter(({ supports, regroups }) => supports.incremental && regroups !== true)
      .map(({ name }) => [name, { attention: { variant: name } }]),
  ),
};

for (const [name, settings] of Object.entries(generating)) {
  test(`generation, ${name}: every step gives the row of the whole`, () => {
    const model = decoder(settings, 3);
    const tokens = drawTokens(2, 10, 7, 7);
    const whole = model.forward(tokens, evaluation);
    const before = memoryStatistics().liveBytes;
    const generation = model.startGeneration(2);
    for (let position = 0; position < 10; position++) {
      scope(() => {
        assert.is(generation.position, position);
        const logits = generation.step([0, 1].map((b) => at(tokens, [b, position])));
        // Some tens of float64 terms in another order.
        assertClose(
          logits,
          loop([2, 7], ([b, c]) => at(whole, [b, position, c])),
          1e-9,
          `position ${position}`,
          1,
        );
      });
    }
    expectThrows(ArgumentError, 'length', () => generation.step([0, 0]));
    generation.end();
    assert.is(memoryStatistics().liveBytes, before);
    // It would go on as if nothing had been read.
    const ended = model.startGeneration(2);
    scope(() => void ended.read([[1], [2]]));
    for (let times = 0; times < 2; times++) ended.end();
    expectThrows(ArgumentError, 'generation', () => ended.step([0, 0]));
    expectThrows(ArgumentError, 'generation', () => ended.read([[0], [0]]));
    expectThrows(ArgumentError, 'generation', () => ended.states());
    assert.is(memoryStatistics().liveBytes, before);
  });
}

test('with temperature 0 the likeliest token follows, as a run over the whole text says', () => {
  const model = decoder();
  const [first, second] = [
    [1, 2, 3],
    [6, 0, 6],
  ];
  const texts = generate(model, [first, second], 8, new Random(1), { temperature: 0 });
  [first, second].forEach((prompt, b) => {
    const text = [...prompt, ...texts[b]];
    assert.is(text.length, 11);
    const logits = model.forward(fromArray(text.slice(0, 10), [1, 10], 'int32'), evaluation);
    for (let i = 2; i < 10; i++) {
      const row = Array.from({ length: 7 }, (_, c) => at(logits, [0, i, c]));
      assert.is(text[i + 1], row.indexOf(Math.max(...row)), `token ${i + 1}`);
    }
  });
});

test('of equally likely tokens the first is taken', () => {
  const model = decoder();
  elements(model.body.embedding.weight).fill(0);
  assert.equal(generate(model, [[3]], 4, new Random(1), { temperature: 0 }), [[0, 0, 0, 0]]);
});

test('from logits that are not finite no token is drawn', () => {
  const model = decoder();
  elements(model.body.norm?.gain as Tensor).fill(1e308);
  for (const temperature of [0, 1]) {
    expectThrows(NumericalError, 'logits', () => generate(model, [[3]], 4, new Random(1), { temperature }));
  }
});

test('tokens are drawn by their probabilities, which a temperature sharpens, and among the likeliest if asked', () => {
  const model = decoder({ length: 1 });
  const logits = scope(() => Array.from(elements(model.forward(fromArray([3], [1, 1], 'int32'), evaluation))));
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  const runs = 4000;
  const random = new Random(1);
  for (const { temperature, topK } of [
    { temperature: 1, topK: 0 },
    { temperature: 0.5, topK: 0 },
    { temperature: 2, topK: 3 },
  ]) {
    const allowed = topK === 0 ? order : order.slice(0, topK);
    const weights = logits.map((each, token) => (allowed.includes(token) ? Math.exp(each / temperature) : 0));
    const total = weights.reduce((a, b) => a + b, 0);
    const counts = logits.map(() => 0);
    for (let n = 0; n < runs; n += 100) {
      const prompts = Array.from({ length: 100 }, () => [3]);
      for (const [token] of generate(model, prompts, 1, random, { temperature, topK })) counts[token]++;
    }
    counts.forEach((count, token) => {
      const p = weights[token] / total;
      // Five standard deviations of a binomial count; the seed is fixed.
      assert.ok(
        Math.abs(count - runs * p) <= 5 * Math.sqrt(runs * p * (1 - p)),
        `token ${token}: ${count} of ${runs * p}`,
      );
    });
  }
});

test('the same stream generates the same text, told token by token; nothing is left', () => {
  const model = decoder();
  forAll(
    fc.record({ seed: fc.nat(), batch: fc.integer({ min: 1, max: 3 }), count: fc.integer({ min: 1, max: 7 }) }),
    ({ seed, batch, count }) => {
      const prompts = Array.from({ length: batch }, (_, b) => [b, 2, 3, 4]);
      const before = memoryStatistics().liveBytes;
      const told: number[][] = [];
      const text = generate(model, prompts, count, new Random(seed), {}, (tokens) => told.push([...tokens]));
      assert.is(memoryStatistics().liveBytes, before);
      assert.equal(
        text,
        prompts.map((_, b) => told.map((tokens) => tokens[b])),
      );
      assert.equal(generate(model, prompts, count, new Random(seed)), text);
    },
    10,
  );
});

test('what does not fit is refused by name', () => {
  const model = decoder();
  const random = new Random(1);
  expectThrows(ArgumentError, 'causal', () => languageModel(SMALL, 1).startGeneration(1));
  expectThrows(ArgumentError, 'tokens', () => model.startGeneration(2).step([1]));
  // 4294967301 is 5 in its lowest 32 bits.
  for (const token of [7, -1, 1.5, Number.NaN, 4294967301, '5' as unknown as number]) {
    expectThrows(ArgumentError, 'tokens', () => model.startGeneration(1).step([token]));
  }
  expectThrows(ArgumentError, 'prompts', () => generate(model, [], 1, random));
  expectThrows(ArgumentError, 'prompts', () => generate(model, [[]], 1, random));
  expectThrows(ArgumentError, 'prompts', () => generate(model, [[1], [1, 2]], 1, random));
  expectThrows(ArgumentError, 'count', () => generate(model, [[1, 2, 3]], 9, random));
  expectThrows(ArgumentError, 'count', () => generate(model, [[1]], 0, random));
  expectThrows(ArgumentError, 'temperature', () => generate(model, [[1]], 1, random, { temperature: -1 }));
  expectThrows(ArgumentError, 'topK', () => generate(model, [[1]], 1, random, { topK: 1.5 }));
  expectThrows(ArgumentError, 'classes', () => classifier(pooled({ classes: 1 }), 1));
  expectThrows(ArgumentError, 'pooling', () => classifier(pooled({ pooling: 'max' as never }), 1));
  expectThrows(ArgumentError, 'classifierDim', () => pairClassifier(pooled({ classifierDim: 0 }), 1));
  expectThrows(UnsupportedError, 'causal', () => decoder({ attention: { variant: 'linformer' } }));
});

test.run();
