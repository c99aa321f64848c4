/** What holds for every loaded Reformer, whatever its weights. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { crossEntropy } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import type { ForwardOptions, PretrainedModel, TextInputs } from '../../src/pretrained/architecture.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { PretrainedReformer } from '../../src/pretrained/reformer.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkpoint } from './checkpoints.ts';
import { fineTuned } from './fine-tuning.ts';

const VOCABULARY = 40;
const NAMES = ['reformer-model', 'reformer-causal', 'reformer-masked-lm', 'reformer-classification'];

const textOf = (length: number, seed: number, batch = 1): Tensor => {
  const random = new Random(seed);
  const ids = Array.from({ length: batch * length }, () => random.integer(VOCABULARY));
  return fromArray(ids, [batch, length], 'int32');
};
const maskOf = (lengths: number[], length: number): Tensor => {
  const flags = lengths.flatMap((own) => Array.from({ length }, (_, at) => Number(at < own)));
  return fromArray(flags, [lengths.length, length], 'uint8');
};
const lastOf = (model: PretrainedModel, inputs: TextInputs, options?: ForwardOptions) =>
  elements(model.forward(inputs, options).hiddenStates[1]);
const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
};

for (const name of NAMES) {
  test(`${name}: what padding holds changes no real token`, () => {
    const model = loadPretrained(checkpoint(name), { dtype: 'float64' });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 12 }), fc.nat(), (real, padding, seed) => {
        scope(() => {
          const length = real + padding;
          const [tokens, others] = [textOf(length, seed), textOf(length, seed + 1)];
          elements(others).set(elements(tokens).subarray(0, real));
          const [first, second] = [tokens, others].map((each) => {
            return lastOf(model, { tokens: each, keyMask: maskOf([real], length) }).slice(0, real * 32);
          });
          assert.equal(first, second);
        });
      }),
      { numRuns: 15 },
    );
  });

  test(`${name}: gradients of everything that is learned, through reversible layers`, () => {
    const model = loadPretrained(checkpoint(name), { dtype: 'float64' });
    const inputs = { tokens: textOf(11, 6, 2), keyMask: maskOf([11, 8], 11) };
    const f = () => {
      const { logits, hiddenStates } = model.forward(inputs);
      return logits ?? hiddenStates[1];
    };
    // Queries that a step of the difference carries into another bucket would be no error of the gradient.
    checkGradients(f, [...model.parameters().values()], { maxEntries: 2, tolerance: 1e-5, epsilon: 1e-6 });
  });
}

test('rotations: from hash_seed, or else from the seed of loading; given ones are used, and have to fit', () => {
  const inputs = { tokens: textOf(24, 3) };
  const run = (name: string, seed: number, options?: ForwardOptions) =>
    lastOf(loadPretrained(checkpoint(name), { seed }), inputs, options).slice();
  assert.equal(run('reformer-model', 1), run('reformer-model', 2));
  assert.equal(run('reformer-masked-lm', 1), run('reformer-masked-lm', 1));
  assert.ok(furthest(run('reformer-masked-lm', 1), run('reformer-masked-lm', 2)) > 1e-3);

  const layers: number[] = [];
  const given = run('reformer-masked-lm', 1, {
    rotations: ({ layer, heads, headDim, hashes, directions }) => {
      layers.push(layer);
      // Two buckets for each chunk of 4, of which half have a direction.
      assert.equal([heads, headDim, hashes, directions], [2, 6, 3, 4]);
      return randomNormal([heads, headDim, hashes, directions], new Random(layer));
    },
  });
  assert.equal(layers, [0, 2]);
  assert.ok(furthest(given, run('reformer-masked-lm', 1)) > 1e-3);
  const wrong = (rotations: Tensor) => () => run('reformer-masked-lm', 1, { rotations: () => rotations });
  expectThrows(ShapeError, 'rotations', wrong(zeros([2, 6, 3, 5])));
  expectThrows(ArgumentError, 'rotations', wrong(zeros([2, 6, 3, 4], 'float64')));
});

test('attention in place of the own one: a single chunk is what the variants compute, causal as the model is', () => {
  // Their keys have exactly the length 1; transformers adds 10⁻⁶ to the mean square of about 4.
  for (const [name, tolerance] of [
    ['reformer-causal', 1e-5],
    ['reformer-model', 1e-5],
  ] as const) {
    const inputs = { tokens: textOf(3, 5, 2), keyMask: maskOf([3, 2], 3) };
    const own = loadPretrained(checkpoint(name), { dtype: 'float64' });
    const expected = lastOf(own, inputs);
    const hashing = { variant: 'reformer', options: { numBuckets: 1, numHashes: 1 } };
    const attention = name === 'reformer-causal' ? [{ variant: 'full' }, hashing] : hashing;
    const replaced = lastOf(loadPretrained(checkpoint(name), { dtype: 'float64', attention }), inputs);
    // Nothing is promised at padding, the last token here.
    const difference = furthest(expected.subarray(0, 5 * 32), replaced.subarray(0, 5 * 32));
    assert.ok(difference < tolerance, `${name}: ${difference}`);
  }
  // A local layer that looks one chunk back is the registered one.
  const local = [{ variant: 'local-attention', options: { chunkLength: 3 } }, null];
  const [own, replaced] = [undefined, local].map((attention) => {
    const model = loadPretrained(checkpoint('reformer-causal'), { dtype: 'float64', ...(attention && { attention }) });
    return lastOf(model, { tokens: textOf(24, 7) });
  });
  assert.ok(furthest(own, replaced) < 1e-9, `${furthest(own, replaced)}`);
});

test('attend: is given what each layer attends to, and what the layer itself makes of it', () => {
  const model = loadPretrained(checkpoint('reformer-causal'));
  const inputs = { tokens: textOf(13, 4, 2) };
  const expected = lastOf(model, inputs).slice();
  const seen: number[] = [];
  const attend: ForwardOptions['attend'] = ({ queries, keys, values }, layer, own) => {
    seen.push(layer);
    for (const each of [queries, keys, values]) assert.equal(each.shape, [2, 2, 13, 6]);
    return own();
  };
  assert.equal(
    noGrad(() => lastOf(model, inputs, { attend })),
    expected,
  );
  assert.equal(seen, [0, 1]);
});

test('fine-tuning with dropout: a few steps on a batch lower its loss', () => {
  const model = loadPretrained(checkpoint('reformer-classification'), { dtype: 'float64' });
  const inputs = { tokens: textOf(16, 8, 4) };
  const targets = fromArray([0, 1, 2, 0], [4], 'int32');
  const loss = (random: Random | null) => {
    const context = random === null ? {} : { context: { training: true, random } };
    return crossEntropy(model.forward(inputs, context).logits as Tensor, targets);
  };
  const { before, after } = fineTuned(model, 15, loss);
  assert.ok(after < before / 2, `${before} before, ${after} after`);
});

test('length and inputs that do not fit are refused by name', () => {
  const model = loadPretrained(checkpoint('reformer-model'));
  assert.ok(model instanceof PretrainedReformer);
  const tokens = textOf(5, 1);
  expectThrows(ShapeError, 'tokens', () => model.forward({ tokens: textOf(37, 1) }));
  expectThrows(ArgumentError, 'tokens', () => model.forward({ tokens: fromArray([VOCABULARY], [1, 1], 'int32') }));
  expectThrows(ShapeError, 'keyMask', () => model.forward({ tokens, keyMask: maskOf([4], 4) }));
  expectThrows(ArgumentError, 'tokenTypes', () => model.forward({ tokens, tokenTypes: tokens }));
  expectThrows(ArgumentError, 'globalMask', () => model.forward({ tokens, globalMask: maskOf([1], 5) }));
  // Axial positions have no more of them to copy; others start again.
  expectThrows(ArgumentError, 'length', () => loadPretrained(checkpoint('reformer-model'), { length: 37 }));
  const longer = loadPretrained(checkpoint('reformer-masked-lm'), { length: 50 });
  assert.equal(longer.forward({ tokens: textOf(50, 1) }).hiddenStates[1].shape, [1, 50, 32]);
});

test.run();
